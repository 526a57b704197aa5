/* Nodes that compute value by value, and the softmax. */
#include <math.h>
#include <string.h>

#include "compile.h"
#include "fail.h"

static ser_status compile_binary(struct compiler *compiler, char sign)
{
    struct operation operation = {.run = run_binary, .binary = {.sign = sign}};
    struct binary *binary = &operation.binary;
    size_t dims[MAX_RANK], rank;
    ptrdiff_t strides[2][MAX_RANK];
    ser_status status;

    if ((status = counts(compiler, 2, 2, 1)) || (status = floats(compiler, 0, &binary->left)) ||
        (status = floats(compiler, 1, &binary->right)))
        return status;
    const struct value *values[2] = {compiler->inputs[0], compiler->inputs[1]};
    rank = values[0]->rank > values[1]->rank ? values[0]->rank : values[1]->rank;
    for (size_t axis = 0; axis < rank; axis++)
        dims[axis] = 1;
    for (size_t side = 0; side < 2; side++) {
        const struct value *value = values[side];
        size_t missing = rank - value->rank;
        for (size_t axis = 0; axis < value->rank; axis++) {
            size_t *dim = &dims[missing + axis];
            if (*dim != 1 && value->dims[axis] != 1 && *dim != value->dims[axis])
                return refuse(compiler, "shapes that don't fit each other");
            if (value->dims[axis] != 1)
                *dim = value->dims[axis];
        }
    }
    for (size_t side = 0; side < 2; side++) {
        const struct value *value = values[side];
        size_t missing = rank - value->rank;
        ptrdiff_t own[MAX_RANK];
        strides_of(value->rank, value->dims, own);
        for (size_t axis = 0; axis < rank; axis++) {
            int repeated = axis < missing || value->dims[axis - missing] != dims[axis];
            strides[side][axis] = repeated ? 0 : own[axis - missing];
        }
    }
    binary->layout = layout_of(rank, dims, strides[0], strides[1]);
    if ((status = add_output(compiler, 0, rank, dims, &binary->result)))
        return status;
    return add_operation(compiler, operation);
}

ser_status compile_add(struct compiler *compiler)
{
    return compile_binary(compiler, '+');
}

ser_status compile_sub(struct compiler *compiler)
{
    return compile_binary(compiler, '-');
}

ser_status compile_mul(struct compiler *compiler)
{
    return compile_binary(compiler, '*');
}

ser_status compile_div(struct compiler *compiler)
{
    return compile_binary(compiler, '/');
}

static ser_status compile_unary(struct compiler *compiler, float (*function)(float value))
{
    struct operation operation = {.run = run_unary, .unary = {.function = function}};
    struct unary *unary = &operation.unary;
    ser_status status;

    if ((status = counts(compiler, 1, 1, 1)) || (status = floats(compiler, 0, &unary->operand)))
        return status;
    const struct value *value = compiler->inputs[0];
    unary->count = value->count;
    if ((status = add_output(compiler, 0, value->rank, value->dims, &unary->result)))
        return status;
    return add_operation(compiler, operation);
}

ser_status compile_relu(struct compiler *compiler)
{
    return compile_unary(compiler, relu);
}

ser_status compile_tanh(struct compiler *compiler)
{
    return compile_unary(compiler, tanhf);
}

ser_status compile_sigmoid(struct compiler *compiler)
{
    return compile_unary(compiler, sigmoid);
}

ser_status compile_softmax(struct compiler *compiler)
{
    struct operation operation = {.run = run_softmax};
    struct softmax *softmax = &operation.softmax;
    size_t axis;
    ser_status status;

    if ((status = counts(compiler, 1, 1, 1)) || (status = floats(compiler, 0, &softmax->operand)))
        return status;
    const struct value *value = compiler->inputs[0];
    status = axis_of(compiler, integer_or(compiler, "axis", -1), value->rank, &axis);
    if (status)
        return status;
    if (value->rank < 2 || axis != value->rank - 1)
        return refuse(compiler, "axis %zu of %zu; expected the last one of several", axis,
                      value->rank);
    softmax->size = value->dims[axis];
    softmax->count = value->count / softmax->size;
    if ((status = add_output(compiler, 0, value->rank, value->dims, &softmax->result)))
        return status;
    return add_operation(compiler, operation);
}
