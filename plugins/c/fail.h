/* Messages for last_error. */
#ifndef FAIL_H
#define FAIL_H

#include "ser_backend_plugin.h"

#if defined(__GNUC__)
#define FORMAT(text, values) __attribute__((format(printf, text, values)))
#else
#define FORMAT(text, values)
#endif

/*
 * Keeps a message for the calling thread; its value is the status. A macro, so
 * that compilers see that it isn't SER_OK.
 */
#define fail(status, ...) (keep_failure(__VA_ARGS__), (ser_status)(status))

void keep_failure(const char *format, ...) FORMAT(1, 2);

/* The latest message of the calling thread. */
const char *failure(void);

#endif
