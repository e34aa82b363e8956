/* SPDX-License-Identifier: Apache-2.0 */
/* The host that records are of, and what is above alice's command, for tests that write records. */
#ifndef CALLERD_TEST_RECORDING_H
#define CALLERD_TEST_RECORDING_H

#include <stdio.h>

#include "record/record.h"

#define BYTES(literal)                                                                             \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}
#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static bool user_name(void *data, uint32_t uid, char *name, size_t size)
{
	const char *known = uid == 0 ? "root" : uid == 1000 ? "alice" : uid == 1001 ? "bob" : NULL;

	if (known)
		snprintf(name, size, "%s", known);
	return known;
}

static bool group_name(void *data, uint32_t gid, char *name, size_t size)
{
	if (gid != 998)
		return false;
	snprintf(name, size, "docker");
	return true;
}

static const struct record_context context = {
	.host_name = "build7",
	.host_id = "4d0e1f3a5b6c4d7e8f90a1b2c3d4e5f6",
	.boot_id = "5a1c0b52-7c59-4ad9-9a5e-0f8a1b2c3d4e",
	.agent_version = "0.1.0",
	.run_id = "c0ffee12",
	.boot_to_real = 1772366624000000000, /* 2026-03-01T12:03:44 */
	.user_name = user_name,
	.group_name = group_name,
};

static const struct record_context nothing_known = {0};

static const struct process ancestors[] = {
	{.pid = 4700,
	 .start = 90000000,
	 .name = BYTES("sudo"),
	 .executable = BYTES("/usr/bin/sudo"),
	 .args = BYTES("sudo\0docker\0login\0-p\0hunter2\0")},
	{.euid = 1000, .name = BYTES("unknown")},
	{.pid = 1, .start = 1, .name = BYTES("systemd")},
};

/* To make a container, by CALLER. */
static inline struct record plain_request(const struct caller *caller)
{
	return (struct record){
		.action = RECORD_API_REQUEST,
		.time = 120000001,
		.sequence = 42,
		.caller = caller,
		.connection = {.id = 77, .socket = BYTES("/run/docker.sock"), .request = 2},
		.http =
			{
				.version_minor = 1,
				.method = BYTES("POST"),
				.verb = METHOD_POST,
				.target = BYTES("/v1.41/containers/create?name=a%20b&token=x"),
				.mime_type = BYTES("application/json"),
				.user_agent = BYTES("Docker-Client/20.10.24 (linux)"),
				.has_request_bytes = true,
				.has_response_bytes = true,
				.has_duration = true,
				.request_bytes = 1500,
				.response_bytes = 88,
				.status = 201,
				.duration = 3100000,
			},
	};
}

#endif
