/* Products with constant weights. */
#include <string.h>

#include "compile.h"
#include "fail.h"

ser_status pack(struct compiler *compiler, const struct tensor *tensor, size_t rows,
                       size_t columns, int transposed, const float **packed)
{
    float *values = pool_take(&compiler->program->pool, rows * columns * sizeof *values);

    if (!values)
        return SER_ERROR_FAILED;
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            values[row * columns + column] =
                onnx_float(tensor, transposed ? column * rows + row : row * columns + column);
    *packed = values;
    return SER_OK;
}

static ser_status compile_dense(struct compiler *compiler, struct dense dense, int transposed)
{
    struct operation operation = {.run = run_dense};
    const struct tensor *weights;
    size_t dims[MAX_RANK];
    ser_status status;

    if ((status = floats(compiler, 0, &dense.operand)))
        return status;
    const struct value *value = compiler->inputs[0], *matrix = compiler->inputs[1];
    if (value->rank < 2 || matrix->rank != 2)
        return refuse(compiler, "%zu and %zu dimensions; expected at least 2 and 2", value->rank,
                      matrix->rank);
    dense.inputs = value->dims[value->rank - 1];
    dense.rows = value->count / dense.inputs;
    dense.outputs = matrix->dims[!transposed];
    if (matrix->dims[transposed] != dense.inputs)
        return refuse(compiler, "weights for %zu inputs; expected %zu", matrix->dims[transposed],
                      dense.inputs);
    if ((status = constant(compiler, 1, 2, matrix->dims, &weights)) ||
        (status = pack(compiler, weights, dense.inputs, dense.outputs, transposed, &dense.weights)))
        return status;
    if (input(compiler, 2)) {
        const struct value *bias = compiler->inputs[2];
        size_t columns = bias->rank > 0 ? bias->dims[bias->rank - 1] : 1;
        size_t rows = bias->count / columns;
        struct operand values;
        if (bias->rank > 2 || (columns != 1 && columns != dense.outputs) ||
            (rows != 1 && rows != dense.rows) || !bias->tensor)
            return refuse(compiler, "input 2; expected a constant that fits the result");
        if ((status = floats(compiler, 2, &values)))
            return status;
        dense.bias = values.constant;
        dense.bias_row = rows == 1 ? 0 : columns;
        dense.bias_column = columns == 1 ? 0 : 1;
    }
    memcpy(dims, value->dims, sizeof dims);
    dims[value->rank - 1] = dense.outputs;
    if ((status = add_output(compiler, 0, value->rank, dims, &dense.result)))
        return status;
    operation.dense = dense;
    return add_operation(compiler, operation);
}

ser_status compile_matmul(struct compiler *compiler)
{
    struct dense dense = {.alpha = 1.0f};
    ser_status status = counts(compiler, 2, 2, 1);

    return status ? status : compile_dense(compiler, dense, 0);
}

ser_status compile_gemm(struct compiler *compiler)
{
    const struct attribute *alpha = attribute(compiler, "alpha");
    const struct attribute *beta = attribute(compiler, "beta");
    struct dense dense = {.alpha = alpha ? alpha->real : 1.0f, .beta = beta ? beta->real : 1.0f};
    ser_status status = counts(compiler, 2, 3, 1);

    if (status)
        return status;
    if (integer_or(compiler, "transA", 0))
        return refuse(compiler, "transA");
    return compile_dense(compiler, dense, integer_or(compiler, "transB", 0) != 0);
}
