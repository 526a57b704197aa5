/* The border to the server: the functions of ser_backend_plugin.h. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "fail.h"
#include "program.h"

struct ser_model {
    struct program *program;
    char numerics[160];
    /* Of the row that is being computed. */
    float memory[];
};

static ser_status check_size(const char *name, size_t found, size_t expected)
{
    if (found == expected)
        return SER_OK;
    return fail(SER_ERROR_FAILED, "struct %s has %zu bytes; expected %zu", name, found, expected);
}

static ser_status describe(struct ser_description *description)
{
    static const char *const providers[] = {"cpu"};
    ser_status status =
        check_size("ser_description", description->size, sizeof(struct ser_description));

    if (status)
        return status;
    description->execution_providers = providers;
    description->execution_provider_count = 1;
    return SER_OK;
}

/* A model of this program, whose user it becomes. */
static ser_status new_model(struct program *program, struct ser_model **model)
{
    size_t size = sizeof **model + program->memory * sizeof *(*model)->memory;

    *model = malloc(size);
    if (!*model) {
        program_release(program);
        return fail(SER_ERROR_FAILED, "no memory for another model");
    }
    (*model)->program = program;
    return SER_OK;
}

/* The C library's expf and tanhf differ by its version and the instructions that it finds. */
static void say_numerics(char *text, size_t size)
{
    const char *libc = "other", *avx2 = "", *fma = "";

#ifdef __GLIBC__
    libc = gnu_get_libc_version();
#endif
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    avx2 = __builtin_cpu_supports("avx2") ? ", avx2" : "";
    fma = __builtin_cpu_supports("fma") ? ", fma" : "";
#endif
    snprintf(text, size, "libc %s%s%s, compiled %s", libc, avx2, fma, __VERSION__);
}

static ser_status load(const struct ser_load_request *request, struct ser_model **model,
                       struct ser_model_info *info)
{
    struct span file = {request->graph, request->graph_size};
    struct shape shape = {request->steps, request->width, request->state, request->classes};
    struct program *program;
    ser_status status;

    if ((status = check_size("ser_load_request", request->size, sizeof *request)) ||
        (status = check_size("ser_model_info", info->size, sizeof *info)))
        return status;
    if (request->settings[0])
        return fail(SER_ERROR_SETTINGS, "\"%.200s\"; expected none", request->settings);
    if ((status = program_compile(file, shape, &program)))
        return status;
    if ((status = new_model(program, model)))
        return status;
    say_numerics((*model)->numerics, sizeof (*model)->numerics);
    info->execution_provider = "cpu";
    info->numerics = (*model)->numerics;
    info->batch_invariant = 1;
    return SER_OK;
}

static ser_status instance(struct ser_model *model, struct ser_model **other)
{
    return new_model(program_share(model->program), other);
}

static ser_status infer(struct ser_model *model, const struct ser_batch *batch)
{
    ser_status status = check_size("ser_batch", batch->size, sizeof *batch);

    if (!status)
        program_run(model->program, model->memory, batch);
    return status;
}

static void unload(struct ser_model *model)
{
    program_release(model->program);
    free(model);
}

const struct ser_plugin *ser_plugin_handshake(const struct ser_host *host)
{
    static const struct ser_plugin plugin = {
        SER_PLUGIN_HEAD,
        .name = "ser-plugin-c",
        .version = "0.1.0",
        .describe = describe,
        .load = load,
        .instance = instance,
        .infer = infer,
        .unload = unload,
        .last_error = failure,
    };
    int ours = host->oldest_abi <= SER_PLUGIN_ABI && SER_PLUGIN_ABI <= host->newest_abi;

    return ours ? &plugin : NULL;
}
