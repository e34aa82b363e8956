/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS to a server whose certificate is verified, by its chain and by its name: there is no way to do without,
 * since records go to whoever answers.
 */
#ifndef CALLERD_SYSLOG_TLS_H
#define CALLERD_SYSLOG_TLS_H

#include <openssl/ssl.h>
#include <sys/types.h>

#include "output/driver.h"

/* Reads the certificates and the key that OPTIONS name. 0, or -errno with a sentence in REASON. Free with
 * SSL_CTX_free(). */
int syslog_tls_context_new(const struct sink_options *options, SSL_CTX **ret, char *reason,
			   size_t size);

/* Makes a session on FD, which stays the caller's, and shakes hands, for MILLISECONDS at most. 0, or -errno,
 * which is then in driver.error as well. Free with SSL_free(). */
int syslog_tls_session_new(struct driver *driver, SSL_CTX *context, int fd, int milliseconds,
			   SSL **ret);

/* What became of an operation on a session. */
enum tls_state {
	TLS_OPEN,
	TLS_WANTS_READ,
	TLS_WANTS_WRITE,
	TLS_CLOSED, /* in good order: the server said so */
	TLS_ENDED,  /* its connection ended without a word */
	TLS_BROKEN, /* *ERROR says why */
};

/* Writes SIZE bytes, not 0; after TLS_WANTS_… the same bytes must come again. TLS_OPEN: *WRITTEN were. */
enum tls_state syslog_tls_write(SSL *session, const void *data, size_t size, size_t *written,
				int *error);

/* Reads, and throws away, at most SIZE bytes. TLS_OPEN: there may be more. */
enum tls_state syslog_tls_read_away(SSL *session, size_t size, int *error);

/* Says that no more will be written. */
void syslog_tls_end(SSL *session);

/* What the last error was, in words. */
const char *syslog_tls_error(void);

#endif
