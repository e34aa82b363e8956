// SPDX-License-Identifier: Apache-2.0
#include "agent/granting.h"

#include "agent/options/output.h"
#include "base/cleanup.h"

static int grant_path(struct grants *grants, enum grant_kind kind, const char *path)
{
	return path ? grants_add(grants, kind, path) : 0;
}

static int grant_output(struct grants *grants, const char *spec, bool human)
{
	_cleanup_(output_free) struct output output = {0};
	char why[512];
	const struct sink_options *sink = &output.sink;

	if (output_parse(spec, human, &output, why, sizeof(why)))
		return 0; /* callerd refuses it, too */
	return grant_path(grants, sink->kind == SINK_FILE ? GRANT_FILE : GRANT_SOCKET, sink->path)
		       ?: grant_path(grants, GRANT_DIRECTORY, sink->spool)
		       ?: grant_path(grants, GRANT_READING, sink->ca)
		       ?: grant_path(grants, GRANT_READING, sink->cert)
		       ?: grant_path(grants, GRANT_READING, sink->key);
}

static int grant_options(struct grants *grants, const struct options *options)
{
	int error = grant_path(grants, GRANT_FILE, options->state_path)
			    ?: grant_path(grants, GRANT_FILE, options->metrics_file)
			    ?: grant_path(grants, GRANT_FILE, options->metrics_socket)
			    ?: grant_path(grants, GRANT_FILE, options->control_socket)
			    ?: grant_path(grants, GRANT_FILE, options->event_file)
			    ?: grant_path(grants, GRANT_READING, options->config_path);

	for (unsigned int i = 0; i < options->output_count && !error; i++)
		error = grant_output(grants, options->outputs[i], options->human);
	return error;
}

int granting_grant(void *data, struct grants *grants)
{
	struct granting *granting = data;
	_cleanup_(options_free) struct options read = {0};
	const struct options *options = granting->options ?: &read;
	char text[OPTIONS_WHY_SIZE];
	int error = granting->options ? 0
				      : options_read(granting->argc, granting->argv, &read,
						     (struct setting_why){text, sizeof(text)});

	granting->options = NULL; /* the next time it may be another one */
	return error ?: grant_options(grants, options);
}
