/*
 * Drives the C plugin under the sanitisers of the compiler, which end the program
 * when it reads or writes where it must not, leaks, or does what C leaves
 * undefined: sound graphs, graphs that end early, and graphs with a wrong byte.
 *
 *   sanitized GRAPH STEPS WIDTH STATE CLASSES
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ser_backend_plugin.h"

/* What a sound file takes is known, so that a wrong byte can't ask for much more. */
enum { ROWS = 2, CUTS = 200, WRONG_BYTES = 600 };

static const struct ser_plugin *plugin;

static void *take(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);

    if (!memory)
        exit(2);
    return memory;
}

/* Loads a graph; if that works, runs rows of all kinds on two instances. */
static ser_status try_graph(const uint8_t *graph, size_t graph_size, size_t steps, size_t width,
                            size_t state, size_t classes)
{
    static const char *const providers[] = {"cpu"};
    struct ser_load_request request = {
        .size = sizeof request, .package = "sanitized/1", .model_toml = "", .graph = graph,
        .graph_size = graph_size, .steps = steps, .width = width, .state = state,
        .classes = classes, .execution_providers = providers, .execution_provider_count = 1,
        .settings = "",
    };
    struct ser_model_info info = {.size = sizeof info};
    struct ser_model *models[2] = {NULL, NULL};
    ser_status status = plugin->load(&request, &models[0], &info);

    if (status) {
        if (plugin->last_error()[0] == 0)
            exit(3);
        return status;
    }
    if (plugin->instance(models[0], &models[1]))
        exit(4);
    float *features = take(ROWS * steps * width, sizeof *features);
    float *states = take(ROWS * state, sizeof *states);
    int32_t *valid_steps = take(ROWS, sizeof *valid_steps);
    float *posteriors = take(ROWS * classes, sizeof *posteriors);
    float *next_states = take(ROWS * state, sizeof *next_states);
    for (size_t at = 0; at < ROWS * steps * width; at++)
        features[at] = at < steps * width ? NAN : (float)at;
    for (int32_t row = 0; row < ROWS; row++)
        valid_steps[row] = row % 2 ? (int32_t)steps : row - 1;
    struct ser_batch batch = {
        .size = sizeof batch, .rows = ROWS, .features = features,
        .state = state > 0 ? states : NULL, .valid_steps = state > 0 ? valid_steps : NULL,
        .posteriors = posteriors, .next_state = state > 0 ? next_states : NULL,
    };
    for (size_t at = 0; at < 2; at++) {
        status |= plugin->infer(models[at], &batch);
        plugin->unload(models[at]);
    }
    free(features);
    free(states);
    free(valid_steps);
    free(posteriors);
    free(next_states);
    return status;
}

int main(int count, char **arguments)
{
    struct ser_host host = {.size = sizeof host, .oldest_abi = 1, .newest_abi = SER_PLUGIN_ABI};
    size_t shape[4], size, refused = 0;
    uint32_t random = 1;

    if (count != 6)
        return 2;
    for (int at = 0; at < 4; at++)
        shape[at] = strtoul(arguments[at + 2], NULL, 10);
    FILE *file = fopen(arguments[1], "rb");
    if (!file || fseek(file, 0, SEEK_END))
        return 2;
    size = (size_t)ftell(file);
    rewind(file);
    uint8_t *graph = take(size, 1);
    if (fread(graph, 1, size, file) != size)
        return 2;
    fclose(file);

    plugin = ser_plugin_handshake(&host);
    if (try_graph(graph, size, shape[0], shape[1], shape[2], shape[3]) != SER_OK) {
        fprintf(stderr, "%s\n", plugin->last_error());
        return 1;
    }
    for (size_t cut = 0; cut < CUTS; cut++) {
        /* Memory of its own, so that reading behind its end is seen. */
        size_t end = size * cut / CUTS;
        uint8_t *start = take(end, 1);
        memcpy(start, graph, end);
        if (try_graph(start, end, shape[0], shape[1], shape[2], shape[3]) == SER_OK)
            return 1;
        free(start);
    }
    for (size_t wrong = 0; wrong < WRONG_BYTES; wrong++) {
        random = random * 1664525u + 1013904223u;
        /* Every other one where nodes are, before the weights. */
        size_t at = random / 256 % (wrong % 2 && size > 2000 ? 2000 : size);
        uint8_t right = graph[at];
        graph[at] ^= (uint8_t)(1u << (random >> 29));
        refused += try_graph(graph, size, shape[0], shape[1], shape[2], shape[3]) != SER_OK;
        graph[at] = right;
    }
    free(graph);
    /* Many only change a weight; if hardly one is refused, nothing was looked at. */
    if (refused * 10 < WRONG_BYTES) {
        fprintf(stderr, "only %zu of %d wrong bytes refused\n", refused, WRONG_BYTES);
        return 1;
    }
    return 0;
}
