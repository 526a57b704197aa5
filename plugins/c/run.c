#include <math.h>
#include <string.h>

#include "program.h"

static const float *values_of(struct operand operand, const float *memory)
{
    return operand.constant ? operand.constant : memory + operand.offset;
}

float relu(float value)
{
    /* So that NaN stays NaN. */
    return value < 0.0f ? 0.0f : value;
}

float sigmoid(float value)
{
    return 1.0f / (1.0f + expf(-value));
}

static float combine(char sign, float left, float right)
{
    switch (sign) {
    case '+':
        return left + right;
    case '-':
        return left - right;
    case '*':
        return left * right;
    default:
        return left / right;
    }
}

void run_binary(const struct operation *operation, float *memory, size_t valid_steps)
{
    const struct binary *binary = &operation->binary;
    const size_t *dims = binary->layout.dims;
    const ptrdiff_t *ls = binary->layout.left, *rs = binary->layout.right;
    const float *left = values_of(binary->left, memory);
    const float *right = values_of(binary->right, memory);
    float *result = memory + binary->result;

    (void)valid_steps;
    for (size_t a = 0; a < dims[0]; a++)
        for (size_t b = 0; b < dims[1]; b++)
            for (size_t c = 0; c < dims[2]; c++)
                for (size_t d = 0; d < dims[3]; d++) {
                    size_t at[MAX_RANK] = {a, b, c, d};
                    ptrdiff_t l = 0, r = 0;
                    for (size_t axis = 0; axis < MAX_RANK; axis++) {
                        l += (ptrdiff_t)at[axis] * ls[axis];
                        r += (ptrdiff_t)at[axis] * rs[axis];
                    }
                    *result++ = combine(binary->sign, left[l], right[r]);
                }
}

void run_unary(const struct operation *operation, float *memory, size_t valid_steps)
{
    const struct unary *unary = &operation->unary;
    const float *values = values_of(unary->operand, memory);

    (void)valid_steps;
    for (size_t at = 0; at < unary->count; at++)
        memory[unary->result + at] = unary->function(values[at]);
}

void run_copy(const struct operation *operation, float *memory, size_t valid_steps)
{
    const struct copy *copy = &operation->copy;
    const size_t *dims = copy->layout.dims;
    const float *from = values_of(copy->from, memory) + copy->from_start;
    float *to = memory + copy->to;

    (void)valid_steps;
    for (size_t a = 0; a < dims[0]; a++)
        for (size_t b = 0; b < dims[1]; b++)
            for (size_t c = 0; c < dims[2]; c++)
                for (size_t d = 0; d < dims[3]; d++) {
                    size_t at[MAX_RANK] = {a, b, c, d};
                    ptrdiff_t source = 0, target = 0;
                    for (size_t axis = 0; axis < MAX_RANK; axis++) {
                        source += (ptrdiff_t)at[axis] * copy->layout.left[axis];
                        target += (ptrdiff_t)at[axis] * copy->layout.right[axis];
                    }
                    to[target] = from[source];
                }
}

void run_softmax(const struct operation *operation, float *memory, size_t valid_steps)
{
    const struct softmax *softmax = &operation->softmax;
    const float *values = values_of(softmax->operand, memory);
    float *result = memory + softmax->result;

    (void)valid_steps;
    for (size_t one = 0; one < softmax->count; one++) {
        float largest = values[0], sum = 0.0f;
        for (size_t at = 1; at < softmax->size; at++)
            largest = values[at] > largest ? values[at] : largest;
        for (size_t at = 0; at < softmax->size; at++)
            sum += result[at] = expf(values[at] - largest);
        for (size_t at = 0; at < softmax->size; at++)
            result[at] /= sum;
        values += softmax->size;
        result += softmax->size;
    }
}

/*
 * sums [outputs] += values [inputs] · weights [inputs, outputs]. Whole rows of
 * weights at a time: a compiler can put this into vectors without adding up in
 * another order.
 */
static void add_product(float *restrict sums, const float *restrict values, size_t inputs,
                        const float *restrict weights, size_t outputs)
{
    for (size_t in = 0; in < inputs; in++) {
        float value = values[in];
        const float *row = weights + in * outputs;
        for (size_t out = 0; out < outputs; out++)
            sums[out] += value * row[out];
    }
}

void run_dense(const struct operation *operation, float *memory, size_t valid_steps)
{
    const struct dense *dense = &operation->dense;
    const float *values = values_of(dense->operand, memory);

    (void)valid_steps;
    for (size_t row = 0; row < dense->rows; row++) {
        float *result = memory + dense->result + row * dense->outputs;
        memset(result, 0, dense->outputs * sizeof *result);
        add_product(result, values + row * dense->inputs, dense->inputs, dense->weights,
                    dense->outputs);
        for (size_t out = 0; out < dense->outputs; out++) {
            result[out] *= dense->alpha;
            if (dense->bias)
                result[out] +=
                    dense->beta * dense->bias[row * dense->bias_row + out * dense->bias_column];
        }
    }
}

void run_lstm(const struct operation *operation, float *memory, size_t valid_steps)
{
    const struct lstm *lstm = &operation->lstm;
    size_t hidden = lstm->hidden;
    size_t steps = lstm->ends_early && valid_steps < lstm->steps ? valid_steps : lstm->steps;
    const float *features = values_of(lstm->features, memory);
    float *gates = memory + lstm->gates, *h = memory + lstm->last_h, *c = memory + lstm->last_c;
    float *all = memory + lstm->all_h;

    memcpy(h, values_of(lstm->initial_h, memory), hidden * sizeof *h);
    memcpy(c, values_of(lstm->initial_c, memory), hidden * sizeof *c);
    for (size_t step = 0; step < steps; step++) {
        memcpy(gates, lstm->bias, 4 * hidden * sizeof *gates);
        add_product(gates, features + step * lstm->inputs, lstm->inputs, lstm->input_weights,
                    4 * hidden);
        add_product(gates, h, hidden, lstm->recurrent_weights, 4 * hidden);
        for (size_t unit = 0; unit < hidden; unit++) {
            float input = sigmoid(gates[unit]);
            float output = sigmoid(gates[hidden + unit]);
            float forget = sigmoid(gates[2 * hidden + unit]);
            c[unit] = forget * c[unit] + input * tanhf(gates[3 * hidden + unit]);
            h[unit] = output * tanhf(c[unit]);
        }
        memcpy(all + step * hidden, h, hidden * sizeof *h);
    }
    memset(all + steps * hidden, 0, (lstm->steps - steps) * hidden * sizeof *all);
}

void program_run(const struct program *program, float *memory, const struct ser_batch *batch)
{
    const struct shape *shape = &program->shape;
    size_t features = shape->steps * shape->width;

    for (size_t row = 0; row < batch->rows; row++) {
        size_t valid_steps = shape->steps;
        memcpy(memory + program->features, batch->features + row * features,
               features * sizeof *memory);
        if (shape->state > 0) {
            memcpy(memory + program->state, batch->state + row * shape->state,
                   shape->state * sizeof *memory);
            valid_steps = batch->valid_steps[row] < 0 ? 0 : (size_t)batch->valid_steps[row];
        }
        for (const struct operation *next = program->first; next; next = next->next)
            next->run(next, memory, valid_steps);
        memcpy(batch->posteriors + row * shape->classes, values_of(program->posteriors, memory),
               shape->classes * sizeof *memory);
        if (shape->state > 0)
            memcpy(batch->next_state + row * shape->state, values_of(program->next_state, memory),
                   shape->state * sizeof *memory);
    }
}
