// SPDX-License-Identifier: Apache-2.0
#include "finder/told.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/body.h"

#define UNIX_SCHEME "unix://"
#define TCP_SCHEME "tcp://"
#define PORT_PLAIN 2375
#define PORT_TLS 2376
#define BODY_MEMORY (64u << 10)

static bool next_string(struct bytes *rest, struct bytes *ret)
{
	const char *end = rest->size ? memchr(rest->data, 0, rest->size) : NULL;

	if (!end)
		return false;
	*ret = (struct bytes){rest->data, (size_t)(end - rest->data)};
	*rest = bytes_from(*rest, ret->size + 1);
	return true;
}

static void copy_text(char *to, size_t size, struct bytes text)
{
	if (text.size >= size)
		return;
	memcpy(to, text.data ?: "", text.size);
	to[text.size] = '\0';
}

static void add_host(struct told_daemon *told, struct bytes text, bool in_file)
{
	struct told_host *host = &told->hosts[told->host_count];

	if (told->host_count == TOLD_HOSTS_MAX || text.size >= TOLD_HOST_SIZE) {
		told->hosts_cut = true;
		return;
	}
	copy_text(host->text, sizeof(host->text), text);
	host->in_file = in_file;
	told->host_count++;
}

static enum told_switch switch_of(bool on)
{
	return on ? TOLD_ON : TOLD_OFF;
}

/* As strconv.ParseBool() reads it; what is no bool is no reason for a dockerd to start. */
static enum told_switch read_switch(struct bytes text)
{
	static const char *const words[] = {"1", "t", "T", "TRUE", "true", "True"};

	return switch_of(bytes_are_any(text, words, COUNT(words)));
}

/* --- the command line of dockerd -------------------------------------------------------------- */

/* What an option of dockerd does. One that is not in the table has a value, which is the next
 * argument, unless that looks like an option. */
enum told_option {
	OPTION_HOST,
	OPTION_CONFIG,
	OPTION_METRICS,
	OPTION_TLS,
	OPTION_TLS_VERIFY,
	OPTION_FLAG, /* a bool that does not matter */
	OPTION_VALUE,
};

static const struct {
	const char *name;
	char letter;
	enum told_option option;
} dockerd_options[] = {
	{"host", 'H', OPTION_HOST},
	{"config-file", 0, OPTION_CONFIG},
	{"metrics-addr", 0, OPTION_METRICS},
	{"tls", 0, OPTION_TLS},
	{"tlsverify", 0, OPTION_TLS_VERIFY},
	{"debug", 'D', OPTION_FLAG},
	{"help", 'h', OPTION_FLAG},
	{"version", 'v', OPTION_FLAG},
	{"experimental", 0, OPTION_FLAG},
	{"icc", 0, OPTION_FLAG},
	{"init", 0, OPTION_FLAG},
	{"ip-forward", 0, OPTION_FLAG},
	{"ip-masq", 0, OPTION_FLAG},
	{"ip6tables", 0, OPTION_FLAG},
	{"iptables", 0, OPTION_FLAG},
	{"ipv6", 0, OPTION_FLAG},
	{"live-restore", 0, OPTION_FLAG},
	{"no-new-privileges", 0, OPTION_FLAG},
	{"raw-logs", 0, OPTION_FLAG},
	{"rootless", 0, OPTION_FLAG},
	{"selinux-enabled", 0, OPTION_FLAG},
	{"swarm-enabled", 0, OPTION_FLAG},
	{"userland-proxy", 0, OPTION_FLAG},
	{"validate", 0, OPTION_FLAG},
	{"allow-direct-routing", 0, OPTION_FLAG},
};

static enum told_option long_option(struct bytes name)
{
	for (size_t i = 0; i < COUNT(dockerd_options); i++)
		if (bytes_are(name, dockerd_options[i].name))
			return dockerd_options[i].option;
	return OPTION_VALUE;
}

static enum told_option short_option(char letter)
{
	for (size_t i = 0; i < COUNT(dockerd_options); i++)
		if (dockerd_options[i].letter == letter)
			return dockerd_options[i].option;
	return OPTION_VALUE;
}

static bool is_flag(enum told_option option)
{
	return option == OPTION_FLAG || option == OPTION_TLS || option == OPTION_TLS_VERIFY;
}

static void take_option(struct told_daemon *told, enum told_option option, struct bytes value)
{
	switch (option) {
	case OPTION_HOST:
		add_host(told, value, false);
		break;
	case OPTION_CONFIG:
		copy_text(told->config, sizeof(told->config), value);
		break;
	case OPTION_METRICS:
		copy_text(told->metrics, sizeof(told->metrics), value);
		break;
	case OPTION_TLS:
		told->tls = read_switch(value);
		break;
	case OPTION_TLS_VERIFY:
		told->tls_verify = read_switch(value);
		break;
	default:
		break;
	}
}

static void take_long(struct told_daemon *told, struct bytes argument, struct bytes *rest)
{
	const char *equals = memchr(argument.data, '=', argument.size);
	size_t size = equals ? (size_t)(equals - argument.data) : argument.size;
	enum told_option option = long_option((struct bytes){argument.data, size});
	struct bytes value = bytes_of("true");

	if (equals)
		value = bytes_from(argument, size + 1);
	else if (option == OPTION_VALUE && bytes_begin(*rest, "-"))
		return;
	else if (!is_flag(option) && !next_string(rest, &value))
		return;
	take_option(told, option, value);
}

/* A group of letters: bools, and at the end one with a value, which is the rest or the next
 * argument. */
static void take_letters(struct told_daemon *told, struct bytes letters, struct bytes *rest)
{
	enum told_option option = OPTION_FLAG;
	struct bytes value;

	for (; letters.size && is_flag(option); letters = bytes_from(letters, 1))
		option = short_option(letters.data[0]);
	if (is_flag(option))
		return;
	value = letters.size && letters.data[0] == '=' ? bytes_from(letters, 1) : letters;
	if (letters.size || next_string(rest, &value))
		take_option(told, option, value);
}

void told_take_dockerd(struct told_daemon *told, struct bytes arguments)
{
	struct bytes argument;

	next_string(&arguments, &argument); /* the program's name */
	while (next_string(&arguments, &argument) && !bytes_are(argument, "--")) {
		if (argument.size > 2 && !memcmp(argument.data, "--", 2))
			take_long(told, bytes_from(argument, 2), &arguments);
		else if (argument.size > 1 && argument.data[0] == '-')
			take_letters(told, bytes_from(argument, 1), &arguments);
	}
}

void told_take_environment(struct told_daemon *told, struct bytes variables)
{
	static const char verify[] = "DOCKER_TLS_VERIFY=";
	struct bytes variable;

	while (next_string(&variables, &variable))
		if (bytes_begin(variable, verify) && variable.size > strlen(verify))
			told->tls_environment = true;
}

/* --- the command line of podman --------------------------------------------------------------- */

void told_take_podman(struct told_daemon *told, struct bytes arguments)
{
	struct bytes argument, before = {0};

	while (next_string(&arguments, &argument)) {
		if (bytes_are(argument, "service") && bytes_are(before, "system"))
			told->service = true;
		else if (bytes_begin(argument, UNIX_SCHEME) || bytes_begin(argument, TCP_SCHEME))
			add_host(told, argument, false);
		else if (bytes_begin(argument, "--tls-client-ca"))
			told->tls_verify = TOLD_ON;
		else if (bytes_begin(argument, "--tls-cert"))
			told->tls = TOLD_ON;
		before = argument;
	}
	if (told->tls && !told->tls_verify)
		told->tls_verify = TOLD_OFF;
}

/* --- the configuration file ------------------------------------------------------------------- */

static const struct shape a_string = {.kind = SHAPE_STRING};
static const struct shape string_list = {.kind = SHAPE_LIST, .element = &a_string};
static const struct shape maybe = {.kind = SHAPE_BOOL, .pointer = true};
static const struct shape_field door_fields[] = {{"hosts", &string_list},
						 {"tls", &maybe},
						 {"tlsverify", &maybe},
						 {"metrics-addr", &a_string},
						 {}};
static const struct shape door_shape = {.kind = SHAPE_STRUCT, .fields = door_fields};

CLEANUP_DEFINE(end_body, struct body *, body_free)

bool told_take_config(struct told_daemon *told, struct bytes text)
{
	_cleanup_(end_body) struct body *body = NULL;
	const struct value *config, *tls, *verify;

	if (body_new(&door_shape, BODY_MEMORY, NULL, &body) ||
	    body_feed(body, text.data, text.size) || body_state(body) != BODY_DONE)
		return false;
	config = body_value(body);
	tls = body_get(config, "tls");
	verify = body_get(config, "tlsverify");
	EACH (host, body_get(config, "hosts"))
		add_host(told, host->string, true);
	if (tls)
		told->tls = switch_of(tls->boolean);
	if (verify)
		told->tls_verify = switch_of(verify->boolean);
	if (!told->metrics[0])
		copy_text(told->metrics, sizeof(told->metrics),
			  body_string(config, "metrics-addr"));
	return true;
}

/* --- what it means ---------------------------------------------------------------------------- */

/* Even where --tlsverify is false, it switches TLS on; --tls=false does not switch it off. */
static bool has_tls(const struct told_daemon *told)
{
	return told->tls == TOLD_ON || told->tls_verify;
}

/* TLS verifies unless it is told not to. DOCKER_TLS_VERIFY alone switches it on in a dockerd before 20.10,
 * and does nothing in later ones. */
enum told_tls told_tls(const struct told_daemon *told)
{
	if (!has_tls(told))
		return told->tls_environment ? TOLD_TLS_UNKNOWN : TOLD_TLS_NONE;
	return told->tls_verify == TOLD_OFF ? TOLD_TLS_ENCRYPTED : TOLD_TLS_VERIFIED;
}

unsigned int told_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *digits = colon ? colon + 1 : text;
	unsigned long port = strtoul(digits, NULL, 10);

	if (!*digits || digits[strspn(digits, "0123456789")] || port > UINT16_MAX)
		return 0;
	return (unsigned int)port;
}

const struct told_host *told_find_path(const struct told_daemon *told, const char *path)
{
	for (unsigned int i = 0; i < told->host_count; i++) {
		const char *text = told->hosts[i].text;

		if (!strncmp(text, UNIX_SCHEME, strlen(UNIX_SCHEME)) &&
		    !strcmp(text + strlen(UNIX_SCHEME), path))
			return &told->hosts[i];
	}
	return NULL;
}

const struct told_host *told_find_port(const struct told_daemon *told, unsigned int port)
{
	for (unsigned int i = 0; i < told->host_count; i++) {
		const char *text = told->hosts[i].text;
		unsigned int own;

		/* Without a scheme it is TCP, too. */
		if (strstr(text, "://") && strncmp(text, TCP_SCHEME, strlen(TCP_SCHEME)) != 0)
			continue;
		own = told_port(text);
		if (own ? own == port : port == (has_tls(told) ? PORT_TLS : PORT_PLAIN))
			return &told->hosts[i];
	}
	return NULL;
}

bool told_has_inherited(const struct told_daemon *told)
{
	for (unsigned int i = 0; i < told->host_count; i++)
		if (!strncmp(told->hosts[i].text, "fd://", strlen("fd://")))
			return true;
	return false;
}
