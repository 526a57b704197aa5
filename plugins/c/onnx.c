#include "onnx.h"

#include <string.h>

#include "fail.h"

/* No tensor may have more values; sums and products of sizes then fit. */
enum { MAX_COUNT = 1 << 26 };
_Static_assert(sizeof(size_t) >= 8, "they don't fit into 32 bits");

enum wire { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* One field of a protobuf message. */
struct field {
    uint64_t number;
    enum wire wire;
    /* Of VARINT and FIXED. */
    uint64_t value;
    /* Of BYTES. */
    struct span bytes;
};

static ser_status malformed(const char *what)
{
    return fail(SER_ERROR_PACKAGE, "malformed ONNX file: %s", what);
}

int span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.at, text, span.size) == 0;
}

int span_equal(struct span left, struct span right)
{
    return left.size == right.size && (left.size == 0 || memcmp(left.at, right.at, left.size) == 0);
}

static void skip(struct span *rest, size_t size)
{
    rest->at += size;
    rest->size -= size;
}

static ser_status read_varint(struct span *rest, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (rest->size == 0)
            return malformed("it ends within a number");
        uint8_t byte = *rest->at;
        skip(rest, 1);
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return SER_OK;
    }
    return malformed("a number of more than 64 bits");
}

static ser_status read_fixed(struct span *rest, size_t size, uint64_t *value)
{
    if (rest->size < size)
        return malformed("it ends within a number");
    *value = 0;
    for (size_t at = 0; at < size; at++)
        *value |= (uint64_t)rest->at[at] << (8 * at);
    skip(rest, size);
    return SER_OK;
}

static ser_status read_field(struct span *rest, struct field *field, int *found)
{
    uint64_t tag, size;
    ser_status status;

    *found = rest->size > 0;
    if (!*found)
        return SER_OK;
    if ((status = read_varint(rest, &tag)))
        return status;
    field->number = tag >> 3;
    field->wire = (enum wire)(tag & 7);
    switch (field->wire) {
    case VARINT:
        return read_varint(rest, &field->value);
    case FIXED64:
        return read_fixed(rest, 8, &field->value);
    case FIXED32:
        return read_fixed(rest, 4, &field->value);
    case BYTES:
        if ((status = read_varint(rest, &size)))
            return status;
        if (size > rest->size)
            return malformed("it ends within a field");
        field->bytes.at = rest->at;
        field->bytes.size = (size_t)size;
        skip(rest, (size_t)size);
        return SER_OK;
    }
    return malformed("a field of an unknown kind");
}

/* Whether the field is this one, written in this way. */
static int is(const struct field *field, uint64_t number, enum wire wire)
{
    return field->number == number && field->wire == wire;
}

/* The integers of a repeated field, packed or one by one. */
static ser_status push_integers(const struct field *field, int64_t *values, size_t *count,
                                size_t capacity)
{
    struct span rest = field->bytes;
    uint64_t value = field->value;

    if (field->wire == BYTES && rest.size == 0)
        return SER_OK;
    do {
        ser_status status = SER_OK;
        if (field->wire == BYTES && (status = read_varint(&rest, &value)))
            return status;
        if (*count == capacity)
            return fail(SER_ERROR_UNSUPPORTED, "a list of more than %zu integers", capacity);
        values[(*count)++] = (int64_t)value;
    } while (field->wire == BYTES && rest.size > 0);
    return SER_OK;
}

static ser_status push_span(struct span span, struct span *spans, size_t *count, const char *what)
{
    if (*count == MAX_OPERANDS)
        return fail(SER_ERROR_UNSUPPORTED, "more than %d %s", MAX_OPERANDS, what);
    spans[(*count)++] = span;
    return SER_OK;
}

static ser_status read_opset(struct span rest, int64_t *opset)
{
    struct field field;
    struct span domain = {0};
    int64_t version = 0;
    int found;
    ser_status status;

    while (!(status = read_field(&rest, &field, &found)) && found) {
        if (is(&field, 1, BYTES))
            domain = field.bytes;
        else if (is(&field, 2, VARINT))
            version = (int64_t)field.value;
    }
    if (!status && (domain.size == 0 || span_is(domain, "ai.onnx")))
        *opset = version;
    return status;
}

ser_status onnx_graph(struct span file, struct graph *graph)
{
    struct field field;
    int found, graphs = 0;
    ser_status status;

    memset(graph, 0, sizeof *graph);
    while (!(status = read_field(&file, &field, &found)) && found) {
        if (is(&field, 7, BYTES)) {
            graph->bytes = field.bytes;
            graphs++;
        } else if (is(&field, 8, BYTES) && (status = read_opset(field.bytes, &graph->opset))) {
            return status;
        }
    }
    if (status)
        return status;
    if (graphs != 1)
        return malformed("expected one graph");
    if (graph->opset == 0)
        return malformed("no opset_import of ai.onnx");
    return SER_OK;
}

/* The next field of this number in *rest. */
static ser_status next_part(struct span *rest, uint64_t number, struct span *part, int *found)
{
    struct field field;
    ser_status status;

    while (!(status = read_field(rest, &field, found)) && *found)
        if (is(&field, number, BYTES)) {
            *part = field.bytes;
            break;
        }
    return status;
}

static ser_status read_tensor(struct span rest, struct tensor *tensor)
{
    struct field field;
    int64_t dims[MAX_RANK];
    int found, elsewhere = 0;
    ser_status status;

    memset(tensor, 0, sizeof *tensor);
    while (!(status = read_field(&rest, &field, &found)) && found) {
        if (field.number == 1 && (field.wire == VARINT || field.wire == BYTES))
            status = push_integers(&field, dims, &tensor->rank, MAX_RANK);
        else if (is(&field, 2, VARINT))
            tensor->element = (int64_t)field.value;
        else if (is(&field, 4, BYTES))
            tensor->floats = field.bytes;
        else if (field.number == 7)
            elsewhere = 1;
        else if (is(&field, 8, BYTES))
            tensor->name = field.bytes;
        else if (is(&field, 9, BYTES))
            tensor->raw = field.bytes;
        else if (is(&field, 14, VARINT))
            elsewhere |= field.value != 0;
        if (status)
            return status;
    }
    if (status)
        return status;
    tensor->count = 1;
    for (size_t at = 0; at < tensor->rank; at++) {
        if (dims[at] < 1 || dims[at] > MAX_COUNT || tensor->count > MAX_COUNT / (size_t)dims[at])
            return fail(SER_ERROR_PACKAGE, "constant %.*s: dimension %lld", SPAN(tensor->name),
                        (long long)dims[at]);
        tensor->dims[at] = (size_t)dims[at];
        tensor->count *= tensor->dims[at];
    }
    if (tensor->element != ONNX_FLOAT && tensor->element != ONNX_INT64)
        return fail(SER_ERROR_UNSUPPORTED, "constant %.*s: data type %lld; expected float or int64",
                    SPAN(tensor->name), (long long)tensor->element);
    if (elsewhere)
        return fail(SER_ERROR_UNSUPPORTED, "constant %.*s: values outside raw_data",
                    SPAN(tensor->name));
    size_t expected = tensor->count * (tensor->element == ONNX_FLOAT ? 4 : 8);
    size_t size = tensor->raw.size > 0 ? tensor->raw.size : tensor->floats.size;
    if (size != expected || (tensor->floats.size > 0 && tensor->element != ONNX_FLOAT))
        return fail(SER_ERROR_PACKAGE, "constant %.*s: %zu bytes of values; expected %zu",
                    SPAN(tensor->name), size, expected);
    return SER_OK;
}

static const uint8_t *values_of(const struct tensor *tensor)
{
    return tensor->raw.size > 0 ? tensor->raw.at : tensor->floats.at;
}

float onnx_float(const struct tensor *tensor, size_t at)
{
    struct span rest = {values_of(tensor) + 4 * at, 4};
    uint64_t bits = 0;
    float value;

    (void)read_fixed(&rest, 4, &bits);
    uint32_t narrow = (uint32_t)bits;
    memcpy(&value, &narrow, sizeof value);
    return value;
}

int64_t onnx_int64(const struct tensor *tensor, size_t at)
{
    struct span rest = {values_of(tensor) + 8 * at, 8};
    uint64_t bits = 0;

    (void)read_fixed(&rest, 8, &bits);
    return (int64_t)bits;
}

ser_status onnx_initializer(struct span *rest, struct tensor *tensor, int *found)
{
    struct span part;
    ser_status status = next_part(rest, 5, &part, found);

    return status || !*found ? status : read_tensor(part, tensor);
}

/* TensorShapeProto.Dimension */
static ser_status read_dimension(struct span rest, size_t *dim)
{
    struct field field;
    int found;
    ser_status status;

    *dim = 0;
    while (!(status = read_field(&rest, &field, &found)) && found)
        if (is(&field, 1, VARINT)) {
            if (field.value < 1 || field.value > MAX_COUNT)
                return malformed("a dimension that is no size");
            *dim = (size_t)field.value;
        }
    return status;
}

/* TypeProto.Tensor */
static ser_status read_type(struct span rest, struct declared *declared)
{
    struct field field;
    struct span shape = {0}, dimension;
    int found;
    ser_status status;

    while (!(status = read_field(&rest, &field, &found)) && found) {
        if (is(&field, 1, VARINT))
            declared->element = (int64_t)field.value;
        else if (is(&field, 2, BYTES))
            shape = field.bytes;
    }
    while (!status && !(status = next_part(&shape, 1, &dimension, &found)) && found) {
        if (declared->rank == MAX_RANK)
            return fail(SER_ERROR_UNSUPPORTED, "%.*s: more than %d dimensions",
                        SPAN(declared->name), MAX_RANK);
        status = read_dimension(dimension, &declared->dims[declared->rank++]);
    }
    return status;
}

static ser_status read_declared(struct span rest, struct declared *declared)
{
    struct field field;
    struct span type = {0}, tensor = {0};
    int found;
    ser_status status;

    memset(declared, 0, sizeof *declared);
    while (!(status = read_field(&rest, &field, &found)) && found) {
        if (is(&field, 1, BYTES))
            declared->name = field.bytes;
        else if (is(&field, 2, BYTES))
            type = field.bytes;
    }
    if (!status)
        status = next_part(&type, 1, &tensor, &found);
    return status ? status : read_type(tensor, declared);
}

ser_status onnx_input(struct span *rest, struct declared *input, int *found)
{
    struct span part;
    ser_status status = next_part(rest, 11, &part, found);

    return status || !*found ? status : read_declared(part, input);
}

ser_status onnx_output(struct span *rest, struct declared *output, int *found)
{
    struct span part;
    ser_status status = next_part(rest, 12, &part, found);

    return status || !*found ? status : read_declared(part, output);
}

ser_status onnx_node(struct span *rest, struct node *node, int *found)
{
    struct span part, domain = {0};
    struct field field;
    int more;
    ser_status status = next_part(rest, 1, &part, found);

    if (status || !*found)
        return status;
    memset(node, 0, sizeof *node);
    node->bytes = part;
    while (!(status = read_field(&part, &field, &more)) && more) {
        if (is(&field, 1, BYTES))
            status = push_span(field.bytes, node->inputs, &node->input_count, "inputs of a node");
        else if (is(&field, 2, BYTES))
            status = push_span(field.bytes, node->outputs, &node->output_count, "outputs of a node");
        else if (is(&field, 3, BYTES))
            node->name = field.bytes;
        else if (is(&field, 4, BYTES))
            node->op = field.bytes;
        else if (is(&field, 7, BYTES))
            domain = field.bytes;
        if (status)
            return status;
    }
    if (!status && domain.size > 0 && !span_is(domain, "ai.onnx"))
        return fail(SER_ERROR_UNSUPPORTED, "operator %.*s of %.*s", SPAN(node->op), SPAN(domain));
    return status;
}

ser_status onnx_attribute(struct span *rest, struct attribute *attribute, int *found)
{
    struct span part;
    struct field field;
    int more;
    ser_status status = next_part(rest, 5, &part, found);

    if (status || !*found)
        return status;
    memset(attribute, 0, sizeof *attribute);
    while (!(status = read_field(&part, &field, &more)) && more) {
        if (is(&field, 1, BYTES)) {
            attribute->name = field.bytes;
        } else if (is(&field, 2, FIXED32)) {
            uint32_t bits = (uint32_t)field.value;
            memcpy(&attribute->real, &bits, sizeof bits);
        } else if (is(&field, 3, VARINT)) {
            attribute->integer = (int64_t)field.value;
        } else if (is(&field, 4, BYTES)) {
            attribute->text = field.bytes;
        } else if (is(&field, 5, BYTES)) {
            status = read_tensor(field.bytes, &attribute->tensor);
        } else if (is(&field, 8, VARINT) || is(&field, 8, BYTES)) {
            status = push_integers(&field, attribute->integers, &attribute->integer_count, MAX_RANK);
        } else if (is(&field, 9, BYTES)) {
            status = push_span(field.bytes, attribute->texts, &attribute->text_count,
                               "texts of an attribute");
        }
        if (status)
            return status;
    }
    return status;
}
