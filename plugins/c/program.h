/*
 * A graph as a list of operations. It computes one row at a time, so every
 * dimension is a number, and a row can't but give the same in any company.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdatomic.h>

#include "onnx.h"

/* Memory that is freed all at once. */
struct pool {
    struct block *last;
};

/* size bytes of zeros, or NULL. */
void *pool_take(struct pool *pool, size_t size);
void pool_free(struct pool *pool);

/* The shape of a row, as in struct ser_load_request. */
struct shape {
    size_t steps, width, state, classes;
};

/* Values: constant ones, or a place in a row's memory. */
struct operand {
    const float *constant;
    size_t offset;
};

/* Sizes and strides, of which unused leading ones are 1 and 0. */
struct layout {
    size_t dims[MAX_RANK];
    ptrdiff_t left[MAX_RANK];
    ptrdiff_t right[MAX_RANK];
};

struct binary {
    char sign;
    struct operand left, right;
    size_t result;
    /* left and right are the operands' strides. */
    struct layout layout;
};

struct unary {
    float (*function)(float value);
    struct operand operand;
    size_t result, count;
};

/* Transpose, Slice, Split and Concat: values change places. */
struct copy {
    struct operand from;
    size_t from_start;
    size_t to;
    /* left is where values come from, right where they go. */
    struct layout layout;
};

/* Over the last dimension. */
struct softmax {
    struct operand operand;
    size_t result, count, size;
};

/* result [rows, outputs] = alpha · operand [rows, inputs] · weights + beta · bias */
struct dense {
    struct operand operand;
    size_t result;
    size_t rows, inputs, outputs;
    /* [inputs, outputs] */
    const float *weights;
    float alpha, beta;
    /* NULL if there is none. */
    const float *bias;
    size_t bias_row, bias_column;
};

struct lstm {
    /* [steps, inputs] */
    struct operand features;
    size_t steps, inputs, hidden;
    /* Whether a row's valid steps say where it ends. */
    int ends_early;
    /* [hidden]; constant zeros if the graph names none. */
    struct operand initial_h, initial_c;
    /* [inputs, 4 · hidden] and [hidden, 4 · hidden] in ONNX's order i, o, f, c. */
    const float *input_weights, *recurrent_weights;
    /* [4 · hidden], both halves added. */
    const float *bias;
    /* Memory of a row: [4 · hidden]. */
    size_t gates;
    /* [hidden] each, the state after the last valid step. */
    size_t last_h, last_c;
    /* [steps, hidden]: every step's h, zeros after the last valid one. */
    size_t all_h;
};

struct operation {
    void (*run)(const struct operation *operation, float *memory, size_t valid_steps);
    union {
        struct binary binary;
        struct unary unary;
        struct copy copy;
        struct softmax softmax;
        struct dense dense;
        struct lstm lstm;
    };
    struct operation *next;
};

/* A compiled graph. It doesn't change any more; instances share it. */
struct program {
    struct pool pool;
    atomic_size_t users;
    struct shape shape;
    struct operation *first;
    /* Floats of memory that a row takes. */
    size_t memory;
    size_t features, state;
    struct operand posteriors, next_state;
};

/* Compiles a file; the program has one user. */
ser_status program_compile(struct span file, struct shape shape, struct program **program);

/* Says that there is another user, or one less; the last one frees it. */
struct program *program_share(struct program *program);
void program_release(struct program *program);

/* Computes all rows of a batch. memory holds program->memory floats. */
void program_run(const struct program *program, float *memory, const struct ser_batch *batch);

/* What struct operation calls. */
void run_binary(const struct operation *operation, float *memory, size_t valid_steps);
void run_unary(const struct operation *operation, float *memory, size_t valid_steps);
void run_copy(const struct operation *operation, float *memory, size_t valid_steps);
void run_softmax(const struct operation *operation, float *memory, size_t valid_steps);
void run_dense(const struct operation *operation, float *memory, size_t valid_steps);
void run_lstm(const struct operation *operation, float *memory, size_t valid_steps);

float relu(float value);
float sigmoid(float value);

#endif
