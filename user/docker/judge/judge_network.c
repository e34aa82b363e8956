// SPDX-License-Identifier: Apache-2.0
/* Networks that reach what a container is kept from otherwise. */
#include "base/bytes.h"
#include "docker/judge/facts.h"
#include "docker/judge/judge_inside.h"
#include "json/gofold.h"

static void judge_network_expose(struct judging *judging, const struct value *option,
				 const char *what)
{
	ADD(judging, FINDING_NETWORK_EXPOSED, SEVERITY_NONE, "%s: %.*s=%.*s", what,
	    PRINTED(option->key), PRINTED(option->string));
}

/* Of Docker's own drivers, and Podman's, which take no notice of names that they do not know. */
static void judge_network_judge_option(struct judging *judging, const struct value *option)
{
	static const char *const known[] = {
		"encrypted",	    "isolate", "metric",      "mtu",	     "mode",
		"no_default_route", "vlan",    "ipvlan_flag", "ipvlan_mode", "macvlan_mode"};
	struct bytes key = option->key, value = option->string;
	bool mode = bytes_begin(key, "com.docker.network.bridge.gateway_mode_ipv");

	if (bytes_are(key, "parent") || bytes_are(key, "host_interface_name"))
		judge_network_expose(judging, option, "on an interface of the host");
	else if ((mode && (bytes_are(value, "nat-unprotected") || bytes_are(value, "routed"))) ||
		 bytes_are(key, "com.docker.network.bridge.trusted_host_interfaces"))
		judge_network_expose(judging, option, "ports are reachable that nobody published");
	else if (!bytes_begin(key, "com.docker.network.") &&
		 !bytes_are_any(key, known, COUNT(known)))
		judge_not_judged(judging, SEVERITY_LOW, "network option", key);
}

static void judge_network_driver(struct judging *judging, struct bytes driver)
{
	static const char *const drivers[] = {"",	 "bridge", "default", "host",	"ipvlan",
					      "macvlan", "none",   "null",    "overlay"};

	if (!bytes_are_any(driver, drivers, COUNT(drivers)))
		judge_not_judged(judging, SEVERITY_NONE, "network driver", driver);
}

/* Podman's own. Where it is not told which interface of the host is meant, it takes the one of the default route. */
void judge_network_spec(struct judging *judging)
{
	const struct value *body = judging->body, *options = body_get(body, "options");
	struct bytes driver = body_string(body, "driver");
	struct bytes interface = body_string(body, "network_interface");
	bool outside = bytes_are(driver, "macvlan") || bytes_are(driver, "ipvlan");

	judge_network_driver(judging, driver);
	if ((outside && !body_get(options, "parent")) ||
	    bytes_are(body_string(options, "mode"), "unmanaged"))
		ADD(judging, FINDING_NETWORK_EXPOSED, SEVERITY_NONE,
		    "on an interface of the host: %.*s",
		    PRINTED(interface.size ? interface : bytes_of("of the default route")));
	EACH (one, options)
		judge_network_judge_option(judging, one);
	facts_network_spec(judging->verdict, body);
}

void judge_network_join(struct judging *judging)
{
	if (bytes_are(judging->name, "host"))
		ADD(judging, FINDING_HOST_NETWORK, SEVERITY_NONE, "the host's network namespace");
	facts_network_join(judging->verdict, judging->body);
}

void judge_network_options(struct judging *judging, const struct value *body)
{
	struct bytes driver = body_string(body, "Driver");
	struct bytes from = body_string(body_get(body, "ConfigFrom"), "Network");

	judge_network_driver(judging, driver);
	EACH (one, body_get(body, "Options"))
		judge_network_judge_option(judging, one);
	if (from.size && (bytes_are(driver, "macvlan") || bytes_are(driver, "ipvlan")))
		ADD(judging, FINDING_NETWORK_EXPOSED, SEVERITY_NONE,
		    "on the interface of the host that the configuration %.*s names",
		    PRINTED(from));
}
