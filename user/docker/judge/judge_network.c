// SPDX-License-Identifier: Apache-2.0
/* Networks that reach what a container is kept from otherwise. */
#include "base/bytes.h"
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

void judge_network_options(struct judging *judging, const struct value *body)
{
	static const char *const drivers[] = {"",	 "bridge", "default", "host",	"ipvlan",
					      "macvlan", "none",   "null",    "overlay"};
	struct bytes driver = body_string(body, "Driver");
	struct bytes from = body_string(body_get(body, "ConfigFrom"), "Network");

	if (!bytes_are_any(driver, drivers, COUNT(drivers)))
		judge_not_judged(judging, SEVERITY_NONE, "network driver", driver);
	EACH (one, body_get(body, "Options"))
		judge_network_judge_option(judging, one);
	if (from.size && (bytes_are(driver, "macvlan") || bytes_are(driver, "ipvlan")))
		ADD(judging, FINDING_NETWORK_EXPOSED, SEVERITY_NONE,
		    "on the interface of the host that the configuration %.*s names",
		    PRINTED(from));
}
