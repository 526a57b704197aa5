/* Nodes that only arrange values. Where their order stays, nothing is copied. */
#include <string.h>

#include "compile.h"
#include "fail.h"

ser_status compile_constant(struct compiler *compiler)
{
    const struct attribute *found = attribute(compiler, "value");
    struct value value = {.name = compiler->node.outputs[0]};
    struct tensor *tensor;
    int64_t *copy;
    ser_status status;

    if ((status = counts(compiler, 0, 0, 1)))
        return status;
    if (!found)
        return refuse(compiler, "no attribute value");
    if (!(tensor = pool_take(&compiler->pool, sizeof *tensor)) ||
        !(copy = pool_take(&compiler->pool, found->tensor.count * sizeof *copy)))
        return SER_ERROR_FAILED;
    *tensor = found->tensor;
    value.element = tensor->element;
    if (tensor->element == ONNX_INT64) {
        for (size_t at = 0; at < tensor->count; at++)
            copy[at] = onnx_int64(tensor, at);
        value.integers = copy;
    } else {
        value.tensor = tensor;
    }
    if ((status = set_dims(&value, tensor->rank, tensor->dims)))
        return status;
    return add_value(compiler, &value, NULL);
}

ser_status compile_identity(struct compiler *compiler)
{
    ser_status status = counts(compiler, 1, 1, 1);

    if (status)
        return status;
    return add_alias(compiler, compiler->inputs[0]->rank, compiler->inputs[0]->dims);
}

ser_status compile_reshape(struct compiler *compiler)
{
    const int64_t *wanted;
    size_t rank, dims[MAX_RANK], known = 1, unknown = MAX_RANK;
    ser_status status;

    if ((status = counts(compiler, 2, 2, 1)) ||
        (status = integers(compiler, 1, &wanted, &rank)))
        return status;
    if (integer_or(compiler, "allowzero", 0))
        return refuse(compiler, "allowzero");
    const struct value *value = compiler->inputs[0];
    for (size_t axis = 0; axis < rank; axis++) {
        if (wanted[axis] == -1 && unknown == MAX_RANK)
            unknown = axis;
        else if (wanted[axis] == 0 && axis < value->rank)
            dims[axis] = value->dims[axis];
        else if (wanted[axis] > 0 && wanted[axis] <= MAX_MEMORY)
            dims[axis] = (size_t)wanted[axis];
        else
            return refuse(compiler, "dimension %lld", (long long)wanted[axis]);
        if (axis != unknown)
            known = known > MAX_MEMORY / dims[axis] ? MAX_MEMORY : known * dims[axis];
    }
    if (unknown < MAX_RANK)
        dims[unknown] = value->count / known;
    return add_alias(compiler, rank, dims);
}

ser_status compile_flatten(struct compiler *compiler)
{
    size_t dims[2] = {1, 1}, axis;
    ser_status status;

    if ((status = counts(compiler, 1, 1, 1)))
        return status;
    const struct value *value = compiler->inputs[0];
    int64_t given = integer_or(compiler, "axis", 1);
    /* The axis behind the last one is allowed here, though not counted from the end. */
    if (given == (int64_t)value->rank)
        axis = value->rank;
    else if ((status = axis_of(compiler, given, value->rank, &axis)))
        return status;
    for (size_t at = 0; at < value->rank; at++)
        dims[at >= axis] *= value->dims[at];
    return add_alias(compiler, 2, dims);
}

/* Which axes input 1 names of a value of this rank. */
static ser_status named_axes(const struct compiler *compiler, size_t rank, int *named,
                             size_t *count)
{
    const int64_t *axes;
    ser_status status;

    if ((status = integers(compiler, 1, &axes, count)))
        return status;
    for (size_t at = 0; at < *count; at++) {
        size_t axis;
        if ((status = axis_of(compiler, axes[at], rank, &axis)))
            return status;
        if (named[axis]++)
            return refuse(compiler, "axis %zu twice", axis);
    }
    return SER_OK;
}

ser_status compile_squeeze(struct compiler *compiler)
{
    size_t dims[MAX_RANK], rank = 0, count;
    int named[MAX_RANK] = {0};
    ser_status status;

    if ((status = counts(compiler, 2, 2, 1)))
        return status;
    const struct value *value = compiler->inputs[0];
    if ((status = named_axes(compiler, value->rank, named, &count)))
        return status;
    for (size_t axis = 0; axis < value->rank; axis++)
        if (!named[axis])
            dims[rank++] = value->dims[axis];
    return add_alias(compiler, rank, dims);
}

ser_status compile_unsqueeze(struct compiler *compiler)
{
    const int64_t *axes;
    size_t dims[MAX_RANK], rank, count, from = 0;
    int named[MAX_RANK] = {0};
    ser_status status;

    if ((status = counts(compiler, 2, 2, 1)) || (status = integers(compiler, 1, &axes, &count)))
        return status;
    const struct value *value = compiler->inputs[0];
    rank = value->rank + count;
    if (rank > MAX_RANK)
        return refuse(compiler, "%zu dimensions; expected at most %d", rank, MAX_RANK);
    if ((status = named_axes(compiler, rank, named, &count)))
        return status;
    for (size_t axis = 0; axis < rank; axis++)
        dims[axis] = named[axis] ? 1 : value->dims[from++];
    return add_alias(compiler, rank, dims);
}

/* A copy of part of an input, from and to where strides say. */
static ser_status add_copy(struct compiler *compiler, size_t at, size_t from_start, size_t to,
                           struct layout layout)
{
    struct operation operation = {
        .run = run_copy, .copy = {.from_start = from_start, .to = to, .layout = layout}};
    ser_status status = floats(compiler, at, &operation.copy.from);

    return status ? status : add_operation(compiler, operation);
}

ser_status compile_transpose(struct compiler *compiler)
{
    const struct attribute *perm = attribute(compiler, "perm");
    size_t dims[MAX_RANK], to;
    ptrdiff_t own[MAX_RANK], left[MAX_RANK], right[MAX_RANK];
    int named[MAX_RANK] = {0};
    ser_status status;

    if ((status = counts(compiler, 1, 1, 1)))
        return status;
    const struct value *value = compiler->inputs[0];
    if (perm && perm->integer_count != value->rank)
        return refuse(compiler, "perm of %zu axes; expected %zu", perm->integer_count, value->rank);
    strides_of(value->rank, value->dims, own);
    for (size_t at = 0; at < value->rank; at++) {
        size_t axis = value->rank - 1 - at;
        if (perm && (status = axis_of(compiler, perm->integers[at], value->rank, &axis)))
            return status;
        if (named[axis]++)
            return refuse(compiler, "axis %zu twice", axis);
        dims[at] = value->dims[axis];
        left[at] = own[axis];
    }
    strides_of(value->rank, dims, right);
    if ((status = add_output(compiler, 0, value->rank, dims, &to)))
        return status;
    return add_copy(compiler, 0, 0, to, layout_of(value->rank, dims, left, right));
}

/* Output `output` is `size` values of axis `axis` of input 0 from `start` on. */
static ser_status add_part(struct compiler *compiler, size_t output, size_t axis, size_t start,
                           size_t size)
{
    const struct value *value = compiler->inputs[0];
    size_t dims[MAX_RANK], to;
    ptrdiff_t left[MAX_RANK], right[MAX_RANK];
    ser_status status;

    memcpy(dims, value->dims, sizeof dims);
    strides_of(value->rank, value->dims, left);
    dims[axis] = size;
    strides_of(value->rank, dims, right);
    if ((status = add_output(compiler, output, value->rank, dims, &to)))
        return status;
    return add_copy(compiler, 0, start * (size_t)left[axis], to,
                    layout_of(value->rank, dims, left, right));
}

/* From 0 to size, as ONNX reads the ends of a slice. */
static size_t clamp(int64_t at, size_t size)
{
    if (at < 0)
        at = at < -(int64_t)size ? 0 : at + (int64_t)size;
    return at > (int64_t)size ? size : (size_t)at;
}

ser_status compile_slice(struct compiler *compiler)
{
    const int64_t *start, *end, *axes, *step;
    size_t count[4] = {1, 1, 1, 1}, axis = 0;
    ser_status status;

    if ((status = counts(compiler, 3, 5, 1)) ||
        (status = integers(compiler, 1, &start, &count[0])) ||
        (status = integers(compiler, 2, &end, &count[1])))
        return status;
    const struct value *value = compiler->inputs[0];
    if (input(compiler, 3) && ((status = integers(compiler, 3, &axes, &count[2])) ||
                               (status = axis_of(compiler, axes[0], value->rank, &axis))))
        return status;
    if (input(compiler, 4) && (status = integers(compiler, 4, &step, &count[3])))
        return status;
    if (count[0] != 1 || count[1] != 1 || count[2] != 1 || count[3] != 1)
        return refuse(compiler, "several axes");
    if (input(compiler, 4) && *step != 1)
        return refuse(compiler, "a step of %lld", (long long)*step);
    size_t from = clamp(*start, value->dims[axis]), to = clamp(*end, value->dims[axis]);
    if (from >= to)
        return refuse(compiler, "an empty slice");
    return add_part(compiler, 0, axis, from, to - from);
}

ser_status compile_split(struct compiler *compiler)
{
    const int64_t *sizes = NULL;
    size_t outputs = compiler->node.output_count, count = outputs, axis, start = 0;
    ser_status status;

    if ((status = counts(compiler, 1, 2, outputs)))
        return status;
    const struct value *value = compiler->inputs[0];
    status = axis_of(compiler, integer_or(compiler, "axis", 0), value->rank, &axis);
    if (!status && input(compiler, 1))
        status = integers(compiler, 1, &sizes, &count);
    if (status)
        return status;
    if (integer_or(compiler, "num_outputs", (int64_t)outputs) != (int64_t)outputs)
        return refuse(compiler, "num_outputs of another number than %zu", outputs);
    if (count != outputs || (!sizes && value->dims[axis] % outputs != 0))
        return refuse(compiler, "%zu parts of axis %zu", outputs, axis);
    for (size_t at = 0; at < outputs; at++) {
        size_t left = value->dims[axis] - start;
        size_t size = value->dims[axis] / outputs;
        if (sizes && (sizes[at] < 1 || (uint64_t)sizes[at] > left))
            return refuse(compiler, "a part of %lld", (long long)sizes[at]);
        size = sizes ? (size_t)sizes[at] : size;
        if ((status = add_part(compiler, at, axis, start, size)))
            return status;
        start += size;
    }
    return start == value->dims[axis] ? SER_OK : refuse(compiler, "parts of less than all");
}

ser_status compile_concat(struct compiler *compiler)
{
    size_t inputs = compiler->node.input_count, dims[MAX_RANK], axis, to, start = 0;
    ptrdiff_t left[MAX_RANK], right[MAX_RANK];
    ser_status status;

    if (inputs < 1)
        return refuse(compiler, "no inputs");
    if ((status = counts(compiler, inputs, inputs, 1)))
        return status;
    const struct value *first = compiler->inputs[0];
    status = axis_of(compiler, integer_or(compiler, "axis", INT64_MAX), first->rank, &axis);
    if (status)
        return status;
    memcpy(dims, first->dims, sizeof dims);
    for (size_t at = 1; at < inputs; at++) {
        const struct value *value = compiler->inputs[at];
        for (size_t other = 0; other < first->rank; other++)
            if (value->rank != first->rank ||
                (other != axis && value->dims[other] != dims[other]))
                return refuse(compiler, "shapes that don't fit each other");
        dims[axis] += value->dims[axis];
    }
    strides_of(first->rank, dims, right);
    if ((status = add_output(compiler, 0, first->rank, dims, &to)))
        return status;
    for (size_t at = 0; at < inputs; at++) {
        const struct value *value = compiler->inputs[at];
        strides_of(value->rank, value->dims, left);
        struct layout layout = layout_of(value->rank, value->dims, left, right);
        if ((status = add_copy(compiler, at, 0, to + start * (size_t)right[axis], layout)))
            return status;
        start += value->dims[axis];
    }
    return SER_OK;
}
