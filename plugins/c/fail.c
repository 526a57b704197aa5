#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[512];

void keep_failure(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(message, sizeof message, format, values);
    va_end(values);
    /* Names come out of the graph: neither UTF-8 nor fit for a log, as they may be. */
    for (char *at = message; *at; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
            *at = '?';
}

const char *failure(void)
{
    return message;
}
