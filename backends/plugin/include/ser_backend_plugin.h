/*
 * The border between ser-server and a backend in a shared library.
 *
 * A backend turns rows of audio features into posteriors. This header is the
 * reference: what isn't promised here isn't promised. docs/plugins.md shows how
 * to write a plugin, plugins/c is one.
 *
 * Library. The server loads the library that its configuration names by path,
 * calls ser_plugin_handshake, and from then on the functions of the table that
 * this returns. It never unloads the library: table, code and static data are
 * used until the process exits.
 *
 * Process. A plugin shares the server's process and its rights. A crash in it is
 * a crash of the server, and so is what C calls undefined behaviour. Nothing may
 * unwind or jump across the border: no C++ exception, no Rust panic, no longjmp.
 *
 * Threads. A model is used by one thread at a time, not always the same one:
 * two calls with the same ser_model never overlap. Any other calls may: with
 * different models, describe, load and handshake. Models made by load and by
 * instance are different models, though they should share their weights.
 *
 * Ownership. What the caller passes stays the caller's and is valid during the
 * call only: copy what is needed longer. What a plugin returns stays the
 * plugin's; each member says for how long it must be valid. Nobody frees the
 * other's memory.
 *
 * Text is UTF-8 and ends with a zero byte.
 *
 * Errors. A function that fails returns one of the SER_ERROR_ codes and keeps a
 * message for last_error. The message should name what is wrong, its value and
 * what was expected; the server adds the names of the plugin and the package.
 *
 * Deadlines. The server doesn't wait for ever. A call that is late is refused or
 * fails its model, but it can't be stopped: its thread stays in the plugin, and
 * what it was given stays valid, until it returns. Until then the server calls the
 * plugin for models that are loaded already, and for nothing else.
 *
 * Versions. SER_PLUGIN_ABI numbers what this header says. In every version the
 * symbol is the same, struct ser_host begins with the three members that it has
 * here, and struct ser_plugin with its first two. Within one version nothing
 * changes: no member, no size. A server says in the handshake which versions it
 * speaks; a plugin that speaks several returns the table of the newest that both
 * do.
 */
#ifndef SER_BACKEND_PLUGIN_H
#define SER_BACKEND_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. */
#define SER_PLUGIN_ABI 1

/* The most rows that one call of infer holds. */
#define SER_MAX_ROWS 64

/* What a function returns: SER_OK, or what kind of error it was. */
typedef int32_t ser_status;

enum {
    SER_OK = 0,
    /* The backend, its device or an execution provider isn't to be had. */
    SER_ERROR_UNAVAILABLE = 1,
    /* A setting is unknown or has a wrong value. */
    SER_ERROR_SETTINGS = 2,
    /* The graph is broken, or isn't of the shape that is asked for. */
    SER_ERROR_PACKAGE = 3,
    /* The graph is sound, but beyond this backend. The message names the node. */
    SER_ERROR_UNSUPPORTED = 4,
    /* Anything else; of infer, always this one. */
    SER_ERROR_FAILED = 5
};

/* A loaded model: whatever the plugin makes of it. */
struct ser_model;

/* What the server says of itself in the handshake. */
struct ser_host {
    /* sizeof(struct ser_host) in the server's newest version. */
    size_t size;
    /* The versions of this ABI that it speaks, both included. */
    uint32_t oldest_abi;
    uint32_t newest_abi;
};

/* What a backend can do on this machine; describe fills it. */
struct ser_description {
    /* Set by the caller: sizeof(struct ser_description). */
    size_t size;
    /*
     * Names of the execution providers that it can run models on here, for
     * instance "cpu"; from 1 to 64. A name that falls back to another says so,
     * for instance "cuda-or-cpu". The server refuses all others itself. Valid
     * until the process exits.
     */
    const char *const *execution_providers;
    size_t execution_provider_count;
};

/* A package to be loaded. */
struct ser_load_request {
    /* Set by the caller: sizeof(struct ser_load_request). */
    size_t size;
    /* "name/version", for messages. */
    const char *package;
    /* The package's model.toml, with defaults filled in. */
    const char *model_toml;
    /* The bytes of the package's model.onnx. Not aligned. */
    const uint8_t *graph;
    size_t graph_size;
    /*
     * The shape of a row, as model.toml says. The graph must have exactly these
     * inputs without initialisers and outputs, where rows is any number:
     *
     *   features    float32 [rows, steps, width]
     *   state       float32 [rows, state]          if state > 0
     *   valid_steps int32   [rows]                 if state > 0
     *   posteriors  float32 [rows, classes]
     *   next_state  float32 [rows, state]          if state > 0
     */
    size_t steps;
    size_t width;
    /* Values of recurrent state of a row; 0 for a windowed package. */
    size_t state;
    size_t classes;
    /*
     * Where to run, the preferred provider first; at least one, each of them
     * named by describe.
     */
    const char *const *execution_providers;
    size_t execution_provider_count;
    /*
     * The configuration's settings for this backend: a TOML document, empty
     * where there are none. A plugin refuses keys that it doesn't know.
     */
    const char *settings;
};

/* How a model runs; load fills it. Its text is valid until the next call with the model. */
struct ser_model_info {
    /* Set by the caller: sizeof(struct ser_model_info). */
    size_t size;
    /*
     * The execution provider that really runs it; several, joined by ", ",
     * where the graph is split among them. The server refuses one that it hasn't
     * asked for: "cuda" and "cpu" may run what was asked for as "cuda-or-cpu".
     */
    const char *execution_provider;
    /*
     * Names what the bits of outputs depend on besides inputs and package:
     * versions of libraries, the instruction set. Not empty.
     */
    const char *numerics;
    /*
     * 1 promises that a row's bits are the same however many rows are with it,
     * whichever they are, and at every place among them. 0 promises the same
     * within 1e-5.
     */
    uint32_t batch_invariant;
};

/* Rows to be computed. All arrays are row-major and contiguous. */
struct ser_batch {
    /* Set by the caller: sizeof(struct ser_batch). */
    size_t size;
    /* 1, 2, 4, 8, 16, 32 or 64. The last ones may be rows of zeros. */
    size_t rows;
    /* [rows, steps, width]. Values may be NaN or infinite: see infer. */
    const float *features;
    /* [rows, state]; NULL for a windowed package. */
    const float *state;
    /*
     * [rows]: how many steps of a row hold audio, from 0 to steps; 0 only in the
     * last rows of zeros, which fill up the number of rows. What lies behind
     * them must change nothing, not even by being NaN. NULL for a windowed
     * package.
     */
    const int32_t *valid_steps;
    /* [rows, classes], to be written. */
    float *posteriors;
    /* [rows, state], to be written; NULL for a windowed package. */
    float *next_state;
};

/* What a plugin is: what ser_plugin_handshake returns. */
struct ser_plugin {
    /* sizeof(struct ser_plugin). */
    size_t size;
    /* The version that all of this is of: SER_PLUGIN_ABI. */
    uint32_t abi;
    /* The sizes of the other structs, as the plugin was compiled. */
    size_t description_size;
    size_t load_request_size;
    size_t model_info_size;
    size_t batch_size;
    /* The plugin's name and version, not empty, for logs. */
    const char *name;
    const char *version;

    /*
     * Says whether the backend works on this machine, and on what. Called
     * before each load, and whenever the server is asked what is available.
     *
     * SER_ERROR_UNAVAILABLE: it doesn't; the message says why.
     */
    ser_status (*describe)(struct ser_description *description);

    /*
     * Makes a model of a package and stores it in *model. On an error it stores
     * nothing there and leaves nothing behind.
     *
     * Afterwards the server runs the package's golden rows and refuses the model
     * if one comes out wrong.
     */
    ser_status (*load)(const struct ser_load_request *request, struct ser_model **model,
                       struct ser_model_info *info);

    /*
     * Makes another model of the same package on the same providers for another
     * thread, which must share its weights, and stores it in *other. Each is
     * unloaded on its own, in any order.
     */
    ser_status (*instance)(struct ser_model *model, struct ser_model **other);

    /*
     * Computes posteriors and next_state of every row. Rows know nothing of each
     * other: a row of NaN or of infinities spoils its own outputs alone, and is
     * no error. What is left unwritten the server takes for an error. After an
     * error the outputs don't matter, and the model must go on working.
     */
    ser_status (*infer)(struct ser_model *model, const struct ser_batch *batch);

    /* Frees a model. Nobody gives up on this call: it must return soon. */
    void (*unload)(struct ser_model *model);

    /*
     * The message of the latest function that failed on the calling thread.
     * Valid until the next call from that thread. Never NULL.
     */
    const char *(*last_error)(void);
};

/* The members of struct ser_plugin up to its name, for an initialiser in C. */
#define SER_PLUGIN_HEAD                                                        \
    .size = sizeof(struct ser_plugin), .abi = SER_PLUGIN_ABI,                  \
    .description_size = sizeof(struct ser_description),                        \
    .load_request_size = sizeof(struct ser_load_request),                      \
    .model_info_size = sizeof(struct ser_model_info),                          \
    .batch_size = sizeof(struct ser_batch)

/* How the handshake is exported. */
#if defined(_WIN32)
#define SER_PLUGIN_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define SER_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define SER_PLUGIN_EXPORT
#endif

/*
 * The one symbol that a plugin exports. Returns the table of the newest version
 * that server and plugin both speak, valid until the process exits, or NULL if
 * there is none. Does nothing else: what may take long or fail belongs into
 * describe.
 */
SER_PLUGIN_EXPORT const struct ser_plugin *ser_plugin_handshake(const struct ser_host *host);

#ifdef __cplusplus
}
#endif

#endif
