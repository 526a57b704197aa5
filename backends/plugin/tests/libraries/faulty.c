/*
 * The C plugin with one thing wrong, which a macro says. What is wrong with infer
 * only goes wrong for a loud row, one whose first value is above LOUD: golden
 * rows are quiet, so that the model loads.
 */
#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <unistd.h>

#include "fail.h"

#define ser_plugin_handshake sound_handshake
#include "plugin.c"
#undef ser_plugin_handshake

#define LOUD -100.0f

static struct ser_plugin plugin;

static void hang(void)
{
    for (;;)
        pause();
}

#if defined(FAULT_DESCRIBE_FAILS)
static ser_status describe_unavailable(struct ser_description *description)
{
    (void)description;
    return fail(SER_ERROR_UNAVAILABLE, "no such device, \xc3\xa4hem\n\x1b[31m\x7f");
}
#elif defined(FAULT_DESCRIBE_COUNTS_WRONG)
static ser_status describe_counting_wrong(struct ser_description *description)
{
    ser_status status = describe(description);
    description->execution_provider_count = SIZE_MAX;
    return status;
}
#elif defined(FAULT_DESCRIBE_HANGS)
static ser_status describe_hanging(struct ser_description *description)
{
    hang();
    return describe(description);
}
#elif defined(FAULT_LOAD_FAILS)
static ser_status load_failing(const struct ser_load_request *request, struct ser_model **model,
                               struct ser_model_info *info)
{
    (void)model;
    (void)info;
    return fail(SER_ERROR_UNSUPPORTED, "not %s on %s, \"%s\"", request->package,
                request->execution_providers[0], request->settings);
}
#elif defined(FAULT_LOAD_HANGS)
static ser_status load_hanging(const struct ser_load_request *request, struct ser_model **model,
                               struct ser_model_info *info)
{
    hang();
    return load(request, model, info);
}
#elif defined(FAULT_LOAD_SILENT)
static ser_status load_silent(const struct ser_load_request *request, struct ser_model **model,
                              struct ser_model_info *info)
{
    ser_status status = load(request, model, info);
    info->numerics = NULL;
    return status;
}
#elif defined(FAULT_LOAD_ELSEWHERE)
static ser_status load_elsewhere(const struct ser_load_request *request, struct ser_model **model,
                                 struct ser_model_info *info)
{
    ser_status status = load(request, model, info);
    info->execution_provider = "cpu, toaster";
    return status;
}
#elif defined(FAULT_LOAD_EMPTY)
static ser_status load_empty(const struct ser_load_request *request, struct ser_model **model,
                             struct ser_model_info *info)
{
    (void)request;
    (void)model;
    (void)info;
    return SER_OK;
}
#elif defined(FAULT_INSTANCE_HANGS)
static ser_status instance_hanging(struct ser_model *model, struct ser_model **other)
{
    hang();
    return instance(model, other);
}
#elif defined(FAULT_UNLOAD_HANGS)
static void unload_hanging(struct ser_model *model)
{
    hang();
    unload(model);
}
#elif defined(FAULT_INFER_FAILS) || defined(FAULT_INFER_HANGS) || defined(FAULT_INFER_WRITES_TOO_LITTLE)
static ser_status infer_faulty(struct ser_model *model, const struct ser_batch *batch)
{
    const struct shape *shape = &model->program->shape;

    for (size_t row = 0; row < batch->rows; row++) {
        if (!(batch->features[row * shape->steps * shape->width] > LOUD))
            continue;
#if defined(FAULT_INFER_FAILS)
        return fail(SER_ERROR_FAILED, "row %zu is loud", row);
#elif defined(FAULT_INFER_HANGS)
        hang();
#else
        struct ser_batch less = *batch;
        less.rows = row;
        return infer(model, &less);
#endif
    }
    return infer(model, batch);
}
#endif

#if defined(FAULT_NULL_SYMBOL)
__asm__(".globl ser_plugin_handshake\n.set ser_plugin_handshake, 0");
#endif
#if defined(FAULT_NO_SYMBOL) || defined(FAULT_NULL_SYMBOL)
#define ser_plugin_handshake another_name
const struct ser_plugin *another_name(const struct ser_host *host);
#endif

SER_PLUGIN_EXPORT const struct ser_plugin *ser_plugin_handshake(const struct ser_host *host)
{
    memcpy(&plugin, sound_handshake(host), sizeof plugin);
#if defined(FAULT_NO_TABLE)
    return NULL;
#elif defined(FAULT_ABI)
    plugin.abi = SER_PLUGIN_ABI + 1;
#elif defined(FAULT_TABLE_SIZE)
    plugin.size -= sizeof(void *);
#elif defined(FAULT_STRUCT_SIZE)
    plugin.batch_size += sizeof(void *);
#elif defined(FAULT_NO_NAME)
    plugin.name = "";
#elif defined(FAULT_NO_INFER)
    plugin.infer = NULL;
#elif defined(FAULT_HANDSHAKE_HANGS)
    hang();
#elif defined(FAULT_DESCRIBE_FAILS)
    plugin.describe = describe_unavailable;
#elif defined(FAULT_DESCRIBE_COUNTS_WRONG)
    plugin.describe = describe_counting_wrong;
#elif defined(FAULT_DESCRIBE_HANGS)
    plugin.describe = describe_hanging;
#elif defined(FAULT_LOAD_FAILS)
    plugin.load = load_failing;
#elif defined(FAULT_LOAD_HANGS)
    plugin.load = load_hanging;
#elif defined(FAULT_LOAD_SILENT)
    plugin.load = load_silent;
#elif defined(FAULT_LOAD_ELSEWHERE)
    plugin.load = load_elsewhere;
#elif defined(FAULT_LOAD_EMPTY)
    plugin.load = load_empty;
#elif defined(FAULT_INSTANCE_HANGS)
    plugin.instance = instance_hanging;
#elif defined(FAULT_UNLOAD_HANGS)
    plugin.unload = unload_hanging;
#elif defined(FAULT_INFER_FAILS) || defined(FAULT_INFER_HANGS) || defined(FAULT_INFER_WRITES_TOO_LITTLE)
    plugin.infer = infer_faulty;
#elif !defined(FAULT_NO_SYMBOL) && !defined(FAULT_NULL_SYMBOL)
#error "which fault?"
#endif
    (void)hang;
    return &plugin;
}
