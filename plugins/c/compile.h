/*
 * What the parts of the compiler share. A graph is compiled for one row, so that
 * every dimension is a number when its node is reached. What isn't known here is
 * refused by name.
 */
#ifndef COMPILE_H
#define COMPILE_H

#include "fail.h"
#include "program.h"

enum {
    /* Floats of memory that a row may take: 256 MiB. */
    MAX_MEMORY = 1 << 26,
    MAX_ATTRIBUTES = 16
};

/* A value of the graph while it is compiled. */
struct value {
    struct span name;
    int64_t element;
    size_t rank;
    size_t dims[MAX_RANK];
    size_t count;
    /* Of a constant: where its floats are read from, or its integers. */
    const struct tensor *tensor;
    const int64_t *integers;
    /* Otherwise a place in a row's memory; a constant's floats once they are used. */
    struct operand operand;
    /* Whether it is the input valid_steps, which has no place. */
    int is_valid_steps;
    struct value *next;
};

struct compiler {
    struct program *program;
    /* For as long as it is compiled. */
    struct pool pool;
    struct value *values;
    struct operation **end;
    /* The node at hand: its parts, its inputs or NULL, and what was made of it. */
    struct node node;
    struct value *inputs[MAX_OPERANDS];
    struct attribute attributes[MAX_ATTRIBUTES];
    int used[MAX_ATTRIBUTES];
    size_t attribute_count;
};

/* The node at hand is beyond this backend: the value is SER_ERROR_UNSUPPORTED. */
#define refuse(compiler, ...) (keep_refusal(compiler, __VA_ARGS__), SER_ERROR_UNSUPPORTED)

void keep_refusal(const struct compiler *compiler, const char *format, ...) FORMAT(2, 3);

struct value *find(const struct compiler *compiler, struct span name);

ser_status add_value(struct compiler *compiler, const struct value *what,
                     struct value **added);

ser_status take_memory(struct compiler *compiler, size_t count, size_t *offset);

ser_status set_dims(struct value *value, size_t rank, const size_t *dims);

/* An output of the node at hand with a place of its own. */
ser_status add_output(struct compiler *compiler, size_t at, size_t rank, const size_t *dims,
                      size_t *offset);

/* The only output of the node at hand: another name, and shape, of its first input. */
ser_status add_alias(struct compiler *compiler, size_t rank, const size_t *dims);

ser_status add_operation(struct compiler *compiler, struct operation what);

struct value *input(const struct compiler *compiler, size_t at);

/* Where an input's floats are, which are copied if it is a constant. */
ser_status floats(struct compiler *compiler, size_t at, struct operand *operand);

/* A constant input of floats of this shape. */
ser_status constant(struct compiler *compiler, size_t at, size_t rank, const size_t *dims,
                    const struct tensor **tensor);

/* A constant input of a few integers. */
ser_status integers(const struct compiler *compiler, size_t at, const int64_t **values,
                    size_t *count);

ser_status counts(const struct compiler *compiler, size_t fewest, size_t most,
                  size_t outputs);

const struct attribute *attribute(struct compiler *compiler, const char *name);

int64_t integer_or(struct compiler *compiler, const char *name, int64_t otherwise);

/* An axis of a value of this rank; negative ones count from the end. */
ser_status axis_of(const struct compiler *compiler, int64_t axis, size_t rank,
                   size_t *result);

void strides_of(size_t rank, const size_t *dims, ptrdiff_t *strides);

/* Moves the axes to the end: leading ones get size 1 and stride 0. */
struct layout layout_of(size_t rank, const size_t *dims, const ptrdiff_t *left,
                        const ptrdiff_t *right);

/* A constant matrix [rows, columns], or the other way round if it is transposed. */
ser_status pack(struct compiler *compiler, const struct tensor *tensor, size_t rows,
                size_t columns, int transposed, const float **packed);

/* Each compiles the node at hand: arithmetic.c, dense.c, lstm.c, layout.c. */
ser_status compile_add(struct compiler *compiler);
ser_status compile_concat(struct compiler *compiler);
ser_status compile_constant(struct compiler *compiler);
ser_status compile_div(struct compiler *compiler);
ser_status compile_flatten(struct compiler *compiler);
ser_status compile_gemm(struct compiler *compiler);
ser_status compile_identity(struct compiler *compiler);
ser_status compile_lstm(struct compiler *compiler);
ser_status compile_matmul(struct compiler *compiler);
ser_status compile_mul(struct compiler *compiler);
ser_status compile_relu(struct compiler *compiler);
ser_status compile_reshape(struct compiler *compiler);
ser_status compile_sigmoid(struct compiler *compiler);
ser_status compile_slice(struct compiler *compiler);
ser_status compile_softmax(struct compiler *compiler);
ser_status compile_split(struct compiler *compiler);
ser_status compile_squeeze(struct compiler *compiler);
ser_status compile_sub(struct compiler *compiler);
ser_status compile_tanh(struct compiler *compiler);
ser_status compile_transpose(struct compiler *compiler);
ser_status compile_unsqueeze(struct compiler *compiler);

#endif
