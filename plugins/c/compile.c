/* From a file to a program. */
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "fail.h"

/* The versions of ONNX's operators that this follows. */
enum { OLDEST_OPSET = 13, NEWEST_OPSET = 22 };

static const struct {
    const char *name;
    ser_status (*compile)(struct compiler *compiler);
} operators[] = {
    {"Add", compile_add},
    {"Concat", compile_concat},
    {"Constant", compile_constant},
    {"Div", compile_div},
    {"Flatten", compile_flatten},
    {"Gemm", compile_gemm},
    {"Identity", compile_identity},
    {"LSTM", compile_lstm},
    {"MatMul", compile_matmul},
    {"Mul", compile_mul},
    {"Relu", compile_relu},
    {"Reshape", compile_reshape},
    {"Sigmoid", compile_sigmoid},
    {"Slice", compile_slice},
    {"Softmax", compile_softmax},
    {"Split", compile_split},
    {"Squeeze", compile_squeeze},
    {"Sub", compile_sub},
    {"Tanh", compile_tanh},
    {"Transpose", compile_transpose},
    {"Unsqueeze", compile_unsqueeze},
};

static ser_status compile_node(struct compiler *compiler)
{
    const struct node *node = &compiler->node;
    struct span rest = node->bytes;
    int found;
    ser_status status;

    for (size_t at = 0; at < node->input_count; at++) {
        struct span name = node->inputs[at];
        compiler->inputs[at] = name.size > 0 ? find(compiler, name) : NULL;
        if (name.size > 0 && !compiler->inputs[at])
            return fail(SER_ERROR_PACKAGE, "input \"%.*s\" of a node %.*s: nothing makes it",
                        SPAN(name), SPAN(node->op));
    }
    for (compiler->attribute_count = 0;; compiler->attribute_count++) {
        struct attribute one;
        if ((status = onnx_attribute(&rest, &one, &found)))
            return status;
        if (!found)
            break;
        if (compiler->attribute_count == MAX_ATTRIBUTES)
            return refuse(compiler, "more than %d attributes", MAX_ATTRIBUTES);
        compiler->attributes[compiler->attribute_count] = one;
        compiler->used[compiler->attribute_count] = 0;
    }
    for (size_t at = 0; at < sizeof operators / sizeof *operators; at++) {
        if (!span_is(node->op, operators[at].name))
            continue;
        if (node->output_count == 0)
            return refuse(compiler, "no outputs");
        if ((status = operators[at].compile(compiler)))
            return status;
        for (size_t one = 0; one < compiler->attribute_count; one++)
            if (!compiler->used[one])
                return refuse(compiler, "attribute %.*s", SPAN(compiler->attributes[one].name));
        return SER_OK;
    }
    return refuse(compiler, "no such operator here");
}

static ser_status add_initializers(struct compiler *compiler, struct span rest)
{
    for (;;) {
        struct tensor *tensor = pool_take(&compiler->pool, sizeof *tensor);
        struct value value = {0};
        int found;
        ser_status status;

        if (!tensor)
            return SER_ERROR_FAILED;
        if ((status = onnx_initializer(&rest, tensor, &found)) || !found)
            return status;
        value.name = tensor->name;
        value.element = tensor->element;
        if (tensor->element == ONNX_FLOAT) {
            value.tensor = tensor;
        } else {
            int64_t *copy = pool_take(&compiler->pool, tensor->count * sizeof *copy);
            if (!copy)
                return SER_ERROR_FAILED;
            for (size_t at = 0; at < tensor->count; at++)
                copy[at] = onnx_int64(tensor, at);
            value.integers = copy;
        }
        if ((status = set_dims(&value, tensor->rank, tensor->dims)) ||
            (status = add_value(compiler, &value, NULL)))
            return status;
    }
}

/* What the header says of an input or output: dimensions behind the rows. */
struct expected {
    const char *name;
    int64_t element;
    size_t rank;
    size_t dims[2];
};

static ser_status check_declared(const struct declared *declared, const struct expected *expected)
{
    int same = declared->element == expected->element && declared->rank == expected->rank + 1 &&
               declared->dims[0] == 0;

    for (size_t at = 0; same && at < expected->rank; at++)
        same = declared->dims[at + 1] == expected->dims[at];
    if (same)
        return SER_OK;
    return fail(SER_ERROR_PACKAGE,
                "\"%s\" is of another type or shape; expected %s [rows%s%.0zu%s%.0zu]",
                expected->name, expected->element == ONNX_FLOAT ? "float32" : "int32",
                expected->rank > 0 ? ", " : "", expected->rank > 0 ? expected->dims[0] : 0,
                expected->rank > 1 ? ", " : "", expected->rank > 1 ? expected->dims[1] : 0);
}

/* Inputs that are no constants get places in a row's memory. */
static ser_status add_inputs(struct compiler *compiler, struct span rest)
{
    const struct shape *shape = &compiler->program->shape;
    const struct expected expected[3] = {
        {"features", ONNX_FLOAT, 2, {shape->steps, shape->width}},
        {"state", ONNX_FLOAT, 1, {shape->state, 0}},
        {"valid_steps", ONNX_INT32, 0, {0, 0}},
    };
    size_t expected_count = shape->state > 0 ? 3 : 1, seen = 0;
    struct declared declared;
    int found;
    ser_status status;

    while (!(status = onnx_input(&rest, &declared, &found)) && found) {
        struct value value = {.name = declared.name, .element = declared.element}, *added;
        size_t dims[3] = {1, 0, 0}, at = 0;

        if (find(compiler, declared.name))
            continue;
        while (at < expected_count && !span_is(declared.name, expected[at].name))
            at++;
        if (at == expected_count)
            return fail(SER_ERROR_PACKAGE, "input \"%.*s\"; expected features%s",
                        SPAN(declared.name), shape->state > 0 ? ", state and valid_steps" : "");
        if ((status = check_declared(&declared, &expected[at])))
            return status;
        memcpy(dims + 1, expected[at].dims, sizeof expected[at].dims);
        value.is_valid_steps = declared.element == ONNX_INT32;
        if ((status = set_dims(&value, declared.rank, dims)) ||
            (!value.is_valid_steps &&
             (status = take_memory(compiler, value.count, &value.operand.offset))) ||
            (status = add_value(compiler, &value, &added)))
            return status;
        if (at == 0)
            compiler->program->features = added->operand.offset;
        else if (at == 1)
            compiler->program->state = added->operand.offset;
        seen++;
    }
    if (!status && seen != expected_count)
        return fail(SER_ERROR_PACKAGE, "inputs are missing; expected features%s",
                    shape->state > 0 ? ", state and valid_steps" : "");
    return status;
}

/* Finds an output both declared and made. */
static ser_status find_output(struct compiler *compiler, struct span rest, const char *name,
                              size_t size, struct operand *operand)
{
    const struct expected expected = {name, ONNX_FLOAT, 1, {size, 0}};
    struct declared declared;
    int found;
    ser_status status;

    while (!(status = onnx_output(&rest, &declared, &found)) && found) {
        const struct value *value;
        if (!span_is(declared.name, name))
            continue;
        if ((status = check_declared(&declared, &expected)))
            return status;
        value = find(compiler, declared.name);
        if (!value || value->element != ONNX_FLOAT || value->tensor)
            return fail(SER_ERROR_PACKAGE, "output \"%s\": no node makes it", name);
        if (value->rank != 2 || value->dims[0] != 1 || value->dims[1] != size)
            return fail(SER_ERROR_PACKAGE, "output \"%s\" is made in another shape than declared",
                        name);
        *operand = value->operand;
        return SER_OK;
    }
    return status ? status : fail(SER_ERROR_PACKAGE, "output \"%s\" is missing", name);
}

static ser_status compile_graph(struct compiler *compiler, const struct graph *graph)
{
    struct program *program = compiler->program;
    struct span rest = graph->bytes;
    int found;
    ser_status status;

    if (graph->opset < OLDEST_OPSET || graph->opset > NEWEST_OPSET)
        return fail(SER_ERROR_UNSUPPORTED, "opset %lld; expected %d to %d",
                    (long long)graph->opset, OLDEST_OPSET, NEWEST_OPSET);
    if ((status = add_initializers(compiler, graph->bytes)) ||
        (status = add_inputs(compiler, graph->bytes)))
        return status;
    while (!(status = onnx_node(&rest, &compiler->node, &found)) && found)
        if ((status = compile_node(compiler)))
            return status;
    if (!status)
        status = find_output(compiler, graph->bytes, "posteriors", program->shape.classes,
                             &program->posteriors);
    if (!status && program->shape.state > 0)
        status = find_output(compiler, graph->bytes, "next_state", program->shape.state,
                             &program->next_state);
    return status;
}

ser_status program_compile(struct span file, struct shape shape, struct program **program)
{
    struct compiler compiler = {0};
    struct graph graph;
    ser_status status = onnx_graph(file, &graph);

    if (status)
        return status;
    if (!(compiler.program = calloc(1, sizeof *compiler.program)))
        return fail(SER_ERROR_FAILED, "no memory for a program");
    atomic_init(&compiler.program->users, 1);
    compiler.program->shape = shape;
    compiler.end = &compiler.program->first;
    status = compile_graph(&compiler, &graph);
    pool_free(&compiler.pool);
    if (status)
        program_release(compiler.program);
    else
        *program = compiler.program;
    return status;
}

struct program *program_share(struct program *program)
{
    atomic_fetch_add(&program->users, 1);
    return program;
}

void program_release(struct program *program)
{
    if (atomic_fetch_sub(&program->users, 1) > 1)
        return;
    pool_free(&program->pool);
    free(program);
}
