/* LSTM layers. */
#include <string.h>

#include "compile.h"
#include "fail.h"

/* What LSTM can say otherwise than here is refused. */
static ser_status check_lstm(struct compiler *compiler)
{
    static const char *const expected[] = {"Sigmoid", "Tanh", "Tanh"};
    const struct attribute *direction = attribute(compiler, "direction");
    const struct attribute *activations = attribute(compiler, "activations");

    if (direction && !span_is(direction->text, "forward"))
        return refuse(compiler, "direction %.*s; expected forward", SPAN(direction->text));
    if (activations && activations->text_count != 3)
        return refuse(compiler, "%zu activations; expected 3", activations->text_count);
    for (size_t at = 0; activations && at < 3; at++)
        if (!span_is(activations->texts[at], expected[at]))
            return refuse(compiler, "activation %.*s; expected %s", SPAN(activations->texts[at]),
                          expected[at]);
    if (integer_or(compiler, "input_forget", 0) || integer_or(compiler, "layout", 0))
        return refuse(compiler, "input_forget or layout");
    if (input(compiler, 7))
        return refuse(compiler, "peepholes");
    if (input(compiler, 4) && !compiler->inputs[4]->is_valid_steps)
        return refuse(compiler, "sequence_lens that aren't valid_steps");
    return SER_OK;
}

/* An initial state [1, 1, hidden], or zeros. */
static ser_status initial_state(struct compiler *compiler, size_t at, size_t hidden,
                                struct operand *operand)
{
    if (input(compiler, at)) {
        if (compiler->inputs[at]->count != hidden)
            return refuse(compiler, "input %zu has %zu values; expected %zu", at,
                          compiler->inputs[at]->count, hidden);
        return floats(compiler, at, operand);
    }
    operand->constant = pool_take(&compiler->program->pool, hidden * sizeof(float));
    return operand->constant ? SER_OK : SER_ERROR_FAILED;
}

static ser_status lstm_weights(struct compiler *compiler, struct lstm *lstm)
{
    size_t gates = 4 * lstm->hidden;
    size_t of_w[3] = {1, gates, lstm->inputs}, of_r[3] = {1, gates, lstm->hidden};
    size_t of_b[2] = {1, 2 * gates};
    const struct tensor *w, *r, *b = NULL;
    float *bias = pool_take(&compiler->program->pool, gates * sizeof *bias);
    ser_status status;

    if (!bias)
        return SER_ERROR_FAILED;
    if ((status = constant(compiler, 1, 3, of_w, &w)) ||
        (status = constant(compiler, 2, 3, of_r, &r)) ||
        (input(compiler, 3) && (status = constant(compiler, 3, 2, of_b, &b))) ||
        (status = pack(compiler, w, lstm->inputs, gates, 1, &lstm->input_weights)) ||
        (status = pack(compiler, r, lstm->hidden, gates, 1, &lstm->recurrent_weights)))
        return status;
    for (size_t at = 0; b && at < gates; at++)
        bias[at] = onnx_float(b, at) + onnx_float(b, gates + at);
    lstm->bias = bias;
    return SER_OK;
}

/* Y, Y_h and Y_c, of which a graph names those that it uses. */
static ser_status lstm_outputs(struct compiler *compiler, const struct lstm *lstm)
{
    struct value all = {.element = ONNX_FLOAT, .operand = {.offset = lstm->all_h}};
    struct value last_h = {.element = ONNX_FLOAT, .operand = {.offset = lstm->last_h}};
    struct value last_c = {.element = ONNX_FLOAT, .operand = {.offset = lstm->last_c}};
    struct value *outputs[3] = {&all, &last_h, &last_c};

    for (size_t at = 0; at < compiler->node.output_count && at < 3; at++) {
        size_t dims[MAX_RANK] = {at == 0 ? lstm->steps : 1, 1, lstm->hidden, 1};
        ser_status status;
        if (at == 0) {
            dims[2] = 1;
            dims[3] = lstm->hidden;
        }
        outputs[at]->name = compiler->node.outputs[at];
        if (outputs[at]->name.size == 0)
            continue;
        if ((status = set_dims(outputs[at], at == 0 ? 4 : 3, dims)) ||
            (status = add_value(compiler, outputs[at], NULL)))
            return status;
    }
    return SER_OK;
}

ser_status compile_lstm(struct compiler *compiler)
{
    struct operation operation = {.run = run_lstm};
    struct lstm *lstm = &operation.lstm;
    int64_t hidden = integer_or(compiler, "hidden_size", 0);
    ser_status status;

    if ((status = check_lstm(compiler)) || (status = floats(compiler, 0, &lstm->features)))
        return status;
    const struct value *features = compiler->inputs[0];
    if (hidden < 1 || hidden > MAX_MEMORY / 8)
        return refuse(compiler, "hidden_size %lld", (long long)hidden);
    if (features->rank != 3 || features->dims[1] != 1)
        return refuse(compiler, "features; expected [steps, rows, values]");
    lstm->hidden = (size_t)hidden;
    lstm->steps = features->dims[0];
    lstm->inputs = features->dims[2];
    lstm->ends_early = input(compiler, 4) != NULL;
    if ((status = lstm_weights(compiler, lstm)) ||
        (status = initial_state(compiler, 5, lstm->hidden, &lstm->initial_h)) ||
        (status = initial_state(compiler, 6, lstm->hidden, &lstm->initial_c)) ||
        (status = take_memory(compiler, 4 * lstm->hidden, &lstm->gates)) ||
        (status = take_memory(compiler, lstm->hidden, &lstm->last_h)) ||
        (status = take_memory(compiler, lstm->hidden, &lstm->last_c)) ||
        (lstm->hidden > MAX_MEMORY / lstm->steps
             ? (status = refuse(compiler, "hidden_size %lld", (long long)hidden))
             : (status = take_memory(compiler, lstm->steps * lstm->hidden, &lstm->all_h))) ||
        (status = lstm_outputs(compiler, lstm)))
        return status;
    return add_operation(compiler, operation);
}
