// SPDX-License-Identifier: Apache-2.0
#include "output/syslog/syslog.h"

int syslog_open(const struct sink_options *options, int stop, struct driver **ret, char *reason,
		size_t size)
{
	switch (options->transport) {
	case TRANSPORT_TCP:
	case TRANSPORT_TLS:
		return syslog_stream_open(options, stop, ret, reason, size);
	default:
		return syslog_datagram_open(options, stop, ret, reason, size);
	}
}
