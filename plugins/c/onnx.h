/*
 * Reads ONNX files: protobuf messages, of which this knows the fields that an
 * LSTM classifier needs. Nothing is copied: everything points into the file.
 */
#ifndef ONNX_H
#define ONNX_H

#include "ser_backend_plugin.h"

enum { MAX_RANK = 4, MAX_OPERANDS = 8 };

/* TensorProto.DataType */
enum { ONNX_FLOAT = 1, ONNX_INT32 = 6, ONNX_INT64 = 7 };

/* Bytes of the file; as a text without a zero byte at its end. */
struct span {
    const uint8_t *at;
    size_t size;
};

/* TensorProto: a constant. */
struct tensor {
    struct span name;
    int64_t element;
    size_t rank;
    size_t dims[MAX_RANK];
    /* The product of dims. */
    size_t count;
    /* Little-endian values; a file holds one or the other. */
    struct span raw;
    struct span floats;
};

/* ValueInfoProto: an input or output of the graph. */
struct declared {
    struct span name;
    int64_t element;
    size_t rank;
    /* 0 where the dimension has a name instead of a number. */
    size_t dims[MAX_RANK];
};

/* AttributeProto. */
struct attribute {
    struct span name;
    int64_t integer;
    float real;
    struct span text;
    struct tensor tensor;
    int64_t integers[MAX_RANK];
    size_t integer_count;
    struct span texts[MAX_OPERANDS];
    size_t text_count;
};

/* NodeProto. Its attributes are read when they are asked for. */
struct node {
    struct span bytes;
    struct span op;
    struct span name;
    struct span inputs[MAX_OPERANDS];
    size_t input_count;
    struct span outputs[MAX_OPERANDS];
    size_t output_count;
};

/* The parts of a GraphProto, one after another in the order of the file. */
struct graph {
    struct span bytes;
    int64_t opset;
};

/* Finds the graph of a ModelProto. */
ser_status onnx_graph(struct span file, struct graph *graph);

/*
 * The next initialiser, input, output or node of the graph, of which *rest holds
 * what hasn't been read; begin with graph.bytes. *found is 0 at the end.
 */
ser_status onnx_initializer(struct span *rest, struct tensor *tensor, int *found);
ser_status onnx_input(struct span *rest, struct declared *input, int *found);
ser_status onnx_output(struct span *rest, struct declared *output, int *found);
ser_status onnx_node(struct span *rest, struct node *node, int *found);

/* The next attribute of a node; begin with node.bytes. */
ser_status onnx_attribute(struct span *rest, struct attribute *attribute, int *found);

/* The value at an index of a constant of floats or of 64-bit integers. */
float onnx_float(const struct tensor *tensor, size_t at);
int64_t onnx_int64(const struct tensor *tensor, size_t at);

/* Whether a span holds exactly this text. */
int span_is(struct span span, const char *text);
int span_equal(struct span left, struct span right);

/* For printf's "%.*s". */
#define SPAN(span) (int)((span).size < 80 ? (span).size : 80), (const char *)(span).at

#endif
