/* Memory, values, and what a node says: the compiler's tools. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "fail.h"

struct block {
    struct block *before;
    _Alignas(16) unsigned char bytes[];
};

void *pool_take(struct pool *pool, size_t size)
{
    struct block *block = calloc(1, sizeof *block + size);

    if (!block) {
        (void)fail(SER_ERROR_FAILED, "no memory for %zu bytes", size);
        return NULL;
    }
    block->before = pool->last;
    pool->last = block;
    return block->bytes;
}

void pool_free(struct pool *pool)
{
    while (pool->last) {
        struct block *block = pool->last;
        pool->last = block->before;
        free(block);
    }
}

/* Errors */

void keep_refusal(const struct compiler *compiler, const char *format, ...)
{
    const struct node *node = &compiler->node;
    struct span made = {(const uint8_t *)"", 0};
    char reason[256];
    va_list values;

    for (size_t at = node->output_count; at > 0; at--)
        if (node->outputs[at - 1].size > 0)
            made = node->outputs[at - 1];
    va_start(values, format);
    vsnprintf(reason, sizeof reason, format, values);
    va_end(values);
    keep_failure("node %.*s that makes \"%.*s\": %s", SPAN(node->op), SPAN(made), reason);
}

/* Values */

struct value *find(const struct compiler *compiler, struct span name)
{
    for (struct value *value = compiler->values; value; value = value->next)
        if (span_equal(value->name, name))
            return value;
    return NULL;
}

ser_status add_value(struct compiler *compiler, const struct value *what,
                            struct value **added)
{
    struct value *value;

    if (find(compiler, what->name))
        return fail(SER_ERROR_PACKAGE, "value \"%.*s\" is made twice", SPAN(what->name));
    if (!(value = pool_take(&compiler->pool, sizeof *value)))
        return SER_ERROR_FAILED;
    *value = *what;
    value->next = compiler->values;
    compiler->values = value;
    if (added)
        *added = value;
    return SER_OK;
}

ser_status take_memory(struct compiler *compiler, size_t count, size_t *offset)
{
    if (count > MAX_MEMORY - compiler->program->memory)
        return fail(SER_ERROR_UNSUPPORTED, "a row takes more than %d values", MAX_MEMORY);
    *offset = compiler->program->memory;
    compiler->program->memory += count;
    return SER_OK;
}

ser_status set_dims(struct value *value, size_t rank, const size_t *dims)
{
    value->rank = rank;
    value->count = 1;
    for (size_t axis = 0; axis < rank; axis++) {
        if (dims[axis] < 1 || value->count > MAX_MEMORY / dims[axis])
            return fail(SER_ERROR_UNSUPPORTED, "value \"%.*s\" has no or too many values",
                        SPAN(value->name));
        value->dims[axis] = dims[axis];
        value->count *= dims[axis];
    }
    return SER_OK;
}

ser_status add_output(struct compiler *compiler, size_t at, size_t rank, const size_t *dims,
                             size_t *offset)
{
    struct value value = {.name = compiler->node.outputs[at], .element = ONNX_FLOAT};
    ser_status status;

    if ((status = set_dims(&value, rank, dims)) ||
        (status = take_memory(compiler, value.count, &value.operand.offset)))
        return status;
    *offset = value.operand.offset;
    return add_value(compiler, &value, NULL);
}

ser_status add_alias(struct compiler *compiler, size_t rank, const size_t *dims)
{
    struct value value = *compiler->inputs[0];
    size_t count = value.count;
    ser_status status;

    value.name = compiler->node.outputs[0];
    if ((status = set_dims(&value, rank, dims)))
        return status;
    if (value.count != count)
        return refuse(compiler, "%zu values do not fill the new shape", count);
    return add_value(compiler, &value, NULL);
}

ser_status add_operation(struct compiler *compiler, struct operation what)
{
    struct operation *operation = pool_take(&compiler->program->pool, sizeof *operation);

    if (!operation)
        return SER_ERROR_FAILED;
    *operation = what;
    *compiler->end = operation;
    compiler->end = &operation->next;
    return SER_OK;
}

/* Inputs of the node at hand */

struct value *input(const struct compiler *compiler, size_t at)
{
    return at < compiler->node.input_count ? compiler->inputs[at] : NULL;
}

ser_status floats(struct compiler *compiler, size_t at, struct operand *operand)
{
    struct value *value = input(compiler, at);

    if (!value || value->element != ONNX_FLOAT)
        return refuse(compiler, "input %zu; expected floats", at);
    if (value->tensor && !value->operand.constant) {
        float *copy = pool_take(&compiler->program->pool, value->count * sizeof *copy);
        if (!copy)
            return SER_ERROR_FAILED;
        for (size_t index = 0; index < value->count; index++)
            copy[index] = onnx_float(value->tensor, index);
        value->operand.constant = copy;
    }
    *operand = value->operand;
    return SER_OK;
}

ser_status constant(struct compiler *compiler, size_t at, size_t rank, const size_t *dims,
                           const struct tensor **tensor)
{
    const struct value *value = input(compiler, at);
    char expected[96] = "";

    if (!value || value->element != ONNX_FLOAT || !value->tensor)
        return refuse(compiler, "input %zu; expected a constant of floats", at);
    if (value->rank != rank || memcmp(value->dims, dims, rank * sizeof *dims) != 0) {
        for (size_t axis = 0, end = 0; axis < rank; axis++)
            end += (size_t)snprintf(expected + end, sizeof expected - end, "%s%zu",
                                    axis > 0 ? ", " : "", dims[axis]);
        return refuse(compiler, "input %zu is of another shape; expected [%s]", at, expected);
    }
    *tensor = value->tensor;
    return SER_OK;
}

ser_status integers(const struct compiler *compiler, size_t at, const int64_t **values,
                           size_t *count)
{
    const struct value *value = input(compiler, at);

    if (!value || !value->integers || value->count > MAX_RANK)
        return refuse(compiler, "input %zu; expected a constant of at most %d integers", at,
                      MAX_RANK);
    *values = value->integers;
    *count = value->count;
    return SER_OK;
}

ser_status counts(const struct compiler *compiler, size_t fewest, size_t most,
                         size_t outputs)
{
    size_t inputs = compiler->node.input_count;

    if (inputs < fewest || inputs > most || compiler->node.output_count != outputs ||
        compiler->node.outputs[0].size == 0)
        return refuse(compiler, "%zu inputs and %zu outputs", inputs, compiler->node.output_count);
    for (size_t at = 0; at < fewest; at++)
        if (!compiler->inputs[at] || compiler->inputs[at]->is_valid_steps)
            return refuse(compiler, "input %zu", at);
    return SER_OK;
}

/* Attributes of the node at hand */

const struct attribute *attribute(struct compiler *compiler, const char *name)
{
    for (size_t at = 0; at < compiler->attribute_count; at++)
        if (span_is(compiler->attributes[at].name, name)) {
            compiler->used[at] = 1;
            return &compiler->attributes[at];
        }
    return NULL;
}

int64_t integer_or(struct compiler *compiler, const char *name, int64_t otherwise)
{
    const struct attribute *found = attribute(compiler, name);

    return found ? found->integer : otherwise;
}

ser_status axis_of(const struct compiler *compiler, int64_t axis, size_t rank,
                          size_t *result)
{
    if (axis < -(int64_t)rank || axis >= (int64_t)rank)
        return refuse(compiler, "axis %lld of %zu", (long long)axis, rank);
    *result = (size_t)(axis < 0 ? axis + (int64_t)rank : axis);
    return SER_OK;
}

/* Layouts */

void strides_of(size_t rank, const size_t *dims, ptrdiff_t *strides)
{
    ptrdiff_t stride = 1;

    for (size_t axis = rank; axis > 0; axis--) {
        strides[axis - 1] = stride;
        stride *= (ptrdiff_t)dims[axis - 1];
    }
}

struct layout layout_of(size_t rank, const size_t *dims, const ptrdiff_t *left,
                               const ptrdiff_t *right)
{
    struct layout layout = {{1, 1, 1, 1}, {0}, {0}};

    for (size_t axis = 0; axis < rank; axis++) {
        size_t at = MAX_RANK - rank + axis;
        layout.dims[at] = dims[axis];
        layout.left[at] = left[axis];
        layout.right[at] = right[axis];
    }
    return layout;
}
