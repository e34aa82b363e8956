/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the input as an output's specification. What is refused has a sentence; what is accepted is fit to be
 * opened: what goes together is there, and what does not is not.
 */
#include "fuzz.h"

#include <errno.h>

#include "agent/options/output.h"

static void check_sink(const struct output *output)
{
	const struct sink_options *sink = &output->sink;
	bool json = output->format == FORMAT_ECS || output->format == FORMAT_ECS_WHOLE ||
		    output->format == FORMAT_ECS_REFERENCE || output->format == FORMAT_OCSF;

	MUST(output->format < RECORD_FORMATS && sink->name && *sink->name);
	MUST(sink->queue_size && sink->facility < 24 && sink->keep);
	MUST((sink->overflow == OVERFLOW_SPOOL) == !!sink->spool);
	MUST(!sink->spool || *sink->spool == '/');
	MUST(!sink->chain || (json && sink->kind == SINK_FILE));
	MUST((sink->kind == SINK_JOURNAL) == (output->format == FORMAT_JOURNAL));
	MUST(!sink->cert == !sink->key);
	if (sink->kind == SINK_SYSLOG && sink->transport != TRANSPORT_UNIX)
		MUST(*sink->host && *sink->port);
	else if (sink->kind != SINK_STDOUT)
		MUST(*sink->path);
	MUST(!(sink->mode & 02) && (sink->mode & 0600) == 0600);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *spec = strndup((const char *)data, size);
	char reason[768] = "";
	struct output output;
	int error = output_parse(spec, false, &output, reason, sizeof(reason));

	MUST(error == 0 || (error == -EINVAL && reason[0]));
	MUST(!memchr(reason, '\n', strlen(reason)) || memchr(spec, '\n', strlen(spec)));
	if (!error)
		check_sink(&output);
	output_free(&output);
	free(spec);
	return 0;
}
