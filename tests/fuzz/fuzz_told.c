// SPDX-License-Identifier: Apache-2.0
/* What daemons were told of their doors. The first byte says what the rest is: a dockerd's arguments (0), a podman's (1), a dockerd's
 * environment (2), daemon.json (3), systemd's unit (4). What is taken of it is no more than there is room for, each host is found by what
 * it says, and whatever does not fit is told. */
#include "fuzz.h"

#include "finder/told.h"
#include "finder/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(const struct told_daemon *told, const struct told_host *host)
{
	static const char scheme[] = "unix://";
	unsigned int port = told_port(host->text);

	MUST(memchr(host->text, 0, sizeof(host->text)));
	MUST(port <= UINT16_MAX);
	if (!strncmp(host->text, scheme, strlen(scheme)))
		MUST(told_find_path(told, host->text + strlen(scheme)));
	else if (port && (!strstr(host->text, "://") || !strncmp(host->text, "tcp://", 6)))
		MUST(told_find_port(told, port));
}

static void check_told(const struct told_daemon *told)
{
	enum told_tls tls = told_tls(told);
	bool inherited = false;

	MUST(told->host_count <= TOLD_HOSTS_MAX);
	MUST(memchr(told->config, 0, sizeof(told->config)));
	MUST(memchr(told->metrics, 0, sizeof(told->metrics)));
	for (unsigned int i = 0; i < told->host_count; i++) {
		check_host(told, &told->hosts[i]);
		inherited |= !strncmp(told->hosts[i].text, "fd://", 5);
	}
	MUST(told_has_inherited(told) == inherited);
	/* Nothing but a switch that says so may make a port look as if it asked for certificates. */
	if (tls == TOLD_TLS_VERIFIED)
		MUST(told->tls == TOLD_ON || told->tls_verify == TOLD_ON);
	if (tls == TOLD_TLS_NONE)
		MUST(told->tls != TOLD_ON && !told->tls_verify && !told->tls_environment);
}

static void take(struct told_daemon *told, int kind, struct bytes text)
{
	switch (kind) {
	case 0:
		told_take_dockerd(told, text);
		break;
	case 1:
		told_take_podman(told, text);
		break;
	case 2:
		told_take_environment(told, text);
		break;
	default:
		told_take_config(told, text);
	}
}

static void check_units(struct bytes text)
{
	struct units_streams streams = {0};
	unsigned int port;

	units_take(&streams, text);
	MUST(streams.count <= UNITS_STREAMS_MAX);
	for (unsigned int i = 0; i < streams.count; i++) {
		MUST(memchr(streams.list[i], 0, sizeof(streams.list[i])));
		MUST(units_have_path(&streams, streams.list[i]));
		port = told_port(streams.list[i]);
		if (port && streams.list[i][0] != '/')
			MUST(units_have_port(&streams, port));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told_daemon told = {0}, twice;
	int kind = size ? data[0] % 5 : 0;
	size_t rest = size ? size - 1 : 0;
	char *copy = exact_copy(data + !!size, rest);
	struct bytes text = {copy, rest};

	if (kind == 4) {
		check_units(text);
	} else {
		take(&told, kind, text);
		check_told(&told);
		twice = told;
		take(&twice, kind, text);
		check_told(&twice);
		/* Once more it says the same, of hosts as often. */
		MUST(twice.tls == told.tls && twice.tls_verify == told.tls_verify);
		MUST(twice.hosts_cut || twice.host_count == 2 * told.host_count);
	}
	free(copy);
	return 0;
}
