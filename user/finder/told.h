/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon of an engine was told of its doors: its command line, its environment, its
 * configuration file. dockerd says that on its command line as Go's pflag reads it.
 *
 * It is what root wrote there, and not what the daemon does: whether it listens, the kernel knows.
 */
#ifndef CALLERD_TOLD_H
#define CALLERD_TOLD_H

#include <stdbool.h>

#include "base/bytes.h"

#define TOLD_HOSTS_MAX 16
#define TOLD_HOST_SIZE 128
#define TOLD_PATH_MAX 1024

/* What clients have to show at a TCP port. */
enum told_tls {
	TOLD_TLS_UNKNOWN,
	TOLD_TLS_NONE,	    /* nothing, and nothing is encrypted */
	TOLD_TLS_ENCRYPTED, /* nothing: the daemon alone has a certificate */
	TOLD_TLS_VERIFIED,  /* a certificate of their own */
};

/* A bool that need not be told. */
enum told_switch { TOLD_UNSET, TOLD_ON, TOLD_OFF };

struct told_host {
	char text[TOLD_HOST_SIZE]; /* "unix:///run/docker.sock"; empty: the default */
	bool in_file;
};

struct told_daemon {
	struct told_host hosts[TOLD_HOSTS_MAX];
	unsigned int host_count;
	bool hosts_cut; /* there are more, or one that is too long */
	enum told_switch tls, tls_verify;
	bool tls_environment;	      /* DOCKER_TLS_VERIFY: what it does depends on the version */
	bool service;		      /* of podman: it is told to serve the API */
	char config[TOLD_PATH_MAX];   /* the configuration file; empty: the usual one */
	char metrics[TOLD_HOST_SIZE]; /* an address that serves no API; empty: none */
};

/* Takes the ARGUMENTS of a dockerd, each of which ends in a NUL; the first is its name. */
void told_take_dockerd(struct told_daemon *told, struct bytes arguments);

/* The same of a podman. */
void told_take_podman(struct told_daemon *told, struct bytes arguments);

/* Takes the environment of a dockerd, each variable of which ends in a NUL. */
void told_take_environment(struct told_daemon *told, struct bytes variables);

/* Takes the TEXT of daemon.json. False: dockerd would not take it either. */
bool told_take_config(struct told_daemon *told, struct bytes text);

/* What it was told of TLS. */
enum told_tls told_tls(const struct told_daemon *told);

/* The host that is the Unix socket at PATH, or listens at the TCP port PORT; NULL: none. */
const struct told_host *told_find_path(const struct told_daemon *told, const char *path);
const struct told_host *told_find_port(const struct told_daemon *told, unsigned int port);

/* Whether it was told to listen where systemd does. */
bool told_has_inherited(const struct told_daemon *told);

/* The port at the end of TEXT, "127.0.0.1:2375" or "2375"; 0: it has none. */
unsigned int told_port(const char *text);

#endif
