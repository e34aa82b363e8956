// SPDX-License-Identifier: Apache-2.0
#include "output/syslog/syslog_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "broker/broker.h"
#include "output/syslog/syslog_socket.h"

CLEANUP_DEFINE(drop_context, SSL_CTX *, SSL_CTX_free)
CLEANUP_DEFINE(drop_session, SSL *, SSL_free)

const char *syslog_tls_error(void)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(error);

	if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
	    ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
		return "its server does not speak TLS there";
	return reason ? reason : "unknown error";
}

/* --- certificates and keys -------------------------------------------------------------------- */

static const char *wanted_name(const struct sink_options *options)
{
	return options->server_name ? options->server_name : options->host;
}

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
	return -1;
}

/* OpenSSL's words about files say little. */
static int check_readable(const char *path, char *reason, size_t size)
{
	_close_ int fd = broker_open(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	int error = fd < 0 ? -errno : 0;

	if (error)
		snprintf(reason, size, "cannot read %s: %s", path, strerror(-error));
	return error;
}

static int load_authorities(SSL_CTX *context, const struct sink_options *options, char *reason,
			    size_t size)
{
	int error;

	if (!options->ca) {
		SSL_CTX_set_default_verify_paths(context);
		return 0;
	}
	error = check_readable(options->ca, reason, size);
	if (error)
		return error;
	if (SSL_CTX_load_verify_locations(context, options->ca, NULL) == 1)
		return 0;
	snprintf(reason, size, "%s: no certificates of authorities in PEM: %s", options->ca,
		 syslog_tls_error());
	return -EINVAL;
}

static int load_own(SSL_CTX *context, const struct sink_options *options, char *reason, size_t size)
{
	const char *key = options->key ? options->key : options->cert;
	int error;

	if (!options->cert && !options->key)
		return 0;
	if (!options->cert) {
		snprintf(reason, size, "the key %s is of no use without a certificate",
			 options->key);
		return -EINVAL;
	}
	error = check_readable(options->cert, reason, size);
	if (!error)
		error = check_readable(key, reason, size);
	if (error)
		return error;
	if (SSL_CTX_use_certificate_chain_file(context, options->cert) != 1) {
		snprintf(reason, size, "%s: no certificate in PEM: %s", options->cert,
			 syslog_tls_error());
		return -EINVAL;
	}
	/* Says whether the two fit as well. */
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
		snprintf(reason, size,
			 "%s: no private key in PEM, without a passphrase, that fits %s: %s", key,
			 options->cert, syslog_tls_error());
		return -EINVAL;
	}
	return 0;
}

int syslog_tls_context_new(const struct sink_options *options, SSL_CTX **ret, char *reason,
			   size_t size)
{
	_cleanup_(drop_context) SSL_CTX *context = NULL;
	int error;

	if (!wanted_name(options)[0]) { /* OpenSSL would take any */
		snprintf(reason, size, "there is no name that a certificate could be for");
		return -EINVAL;
	}
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return -ENOMEM;
	ERR_clear_error();
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_default_passwd_cb(context, no_passphrase);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(context,
			 SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	error = load_authorities(context, options, reason, size)
			?: load_own(context, options, reason, size);
	ERR_clear_error();
	if (!error)
		*ret = take_ptr(context);
	return error;
}

/* --- the handshake ---------------------------------------------------------------------------- */

/* Says whom we want to speak to. */
static bool set_name(SSL *session, const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name) == 1;
	SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(session, name) == 1 && SSL_set_tlsext_host_name(session, name) == 1;
}

static enum tls_state syslog_tls_state_of(SSL *session, int result, int *error)
{
	int saved = errno;

	switch (SSL_get_error(session, result)) {
	case SSL_ERROR_NONE:
		return TLS_OPEN;
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	case SSL_ERROR_SYSCALL:
		/* EPIPE is for good elsewhere; here it is a connection that is gone. */
		*error = saved && saved != EPIPE ? -saved : -ECONNRESET;
		return TLS_BROKEN;
	default:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return TLS_ENDED;
		*error = -EPROTO;
		return TLS_BROKEN;
	}
}

/* Tells why there is no session. */
static int syslog_tls_fail(struct driver *driver, SSL *session, enum tls_state state, int error)
{
	long verified = SSL_get_verify_result(session);
	const char *name = wanted_name(driver->options);
	char text[160];

	if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH)
		snprintf(text, sizeof(text), "its server's certificate is not for %s", name);
	else if (verified != X509_V_OK)
		snprintf(text, sizeof(text), "its server's certificate does not hold: %s",
			 X509_verify_cert_error_string(verified));
	else if (state == TLS_ENDED || state == TLS_CLOSED)
		snprintf(text, sizeof(text),
			 "its server closed the connection within the TLS "
			 "handshake");
	else if (error == -EPROTO)
		snprintf(text, sizeof(text), "TLS: %s", syslog_tls_error());
	else
		return driver_fail(driver, error, NULL);
	return driver_fail(driver, -EPROTO, text);
}

static int shake_hands(struct driver *driver, SSL *session, int fd, int milliseconds)
{
	uint64_t now, end = clock_now_ms() + (uint64_t)milliseconds;
	enum tls_state state;
	int error = 0, seen;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		state = syslog_tls_state_of(session, SSL_connect(session), &error);
		if (state == TLS_OPEN)
			return 0;
		if (state != TLS_WANTS_READ && state != TLS_WANTS_WRITE)
			return syslog_tls_fail(driver, session, state, error);
		now = clock_now_ms();
		if (now >= end)
			return driver_fail(driver, -ETIMEDOUT,
					   "its server does not answer the TLS handshake");
		seen = driver_poll(driver, fd, state == TLS_WANTS_READ ? POLLIN : POLLOUT,
				   (int)(end - now));
		if (seen < 0)
			return seen;
	}
}

int syslog_tls_session_new(struct driver *driver, SSL_CTX *context, int fd, int milliseconds,
			   SSL **ret)
{
	_cleanup_(drop_session) SSL *session = SSL_new(context);
	int error;

	if (!session || !set_name(session, wanted_name(driver->options)) ||
	    SSL_set_fd(session, fd) != 1)
		error = driver_fail(driver, -ENOMEM, NULL);
	else
		error = shake_hands(driver, session, fd, milliseconds);
	ERR_clear_error();
	if (!error)
		*ret = take_ptr(session);
	return error;
}

/* --- the session ------------------------------------------------------------------------------ */

enum tls_state syslog_tls_write(SSL *session, const void *data, size_t size, size_t *written,
				int *error)
{
	ERR_clear_error();
	errno = 0;
	return syslog_tls_state_of(session, SSL_write_ex(session, data, size, written), error);
}

enum tls_state syslog_tls_read_away(SSL *session, size_t size, int *error)
{
	char buffer[4096];
	size_t got = 0;

	for (size_t total = 0; total < size; total += got) {
		enum tls_state state;

		ERR_clear_error();
		errno = 0;
		state = syslog_tls_state_of(
			session, SSL_read_ex(session, buffer, sizeof(buffer), &got), error);
		if (state != TLS_OPEN)
			return state;
	}
	return TLS_OPEN;
}

void syslog_tls_end(SSL *session)
{
	ERR_clear_error();
	SSL_shutdown(session);
	ERR_clear_error();
}
