// SPDX-License-Identifier: Apache-2.0
#include "ctl/become/access_polkit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "ctl/become/access_bus.h"

#define POLKIT "org.freedesktop.PolicyKit1"
#define AGENT_PATH "/org/callerd/agent"
#define PROGRAM_OF_ACTION "org.freedesktop.policykit.exec.path"
#define ANSWER_TIME (5 * NS_PER_S / 1000) /* µs */
#define MAY_ASK 1			  /* a flag of CheckAuthorization: agents may be asked */

struct access_polkit {
	struct access_bus bus;
	struct sd_bus *connection;
	struct sd_bus_message *reply;
	bool answered, broken;
	char *polkitd; /* its own name on the bus: others may call the agent, too */
	uint32_t uid;  /* who is asked for */
	bool is_agent; /* for the subject */
	/* Whether the agent was asked for a password, and whether his own would do. */
	bool was_asked, takes_own;
};

/* --- calls ------------------------------------------------------------------------------------ */

static int on_polkit_reply(struct sd_bus_message *message, void *data, void *error)
{
	struct access_polkit *polkit = data;

	polkit->reply = polkit->bus.ref(message);
	polkit->answered = true;
	return 0;
}

/* A call of the authority; NULL: none can be made. */
static struct sd_bus_message *new_polkit_call(struct access_polkit *polkit, const char *member)
{
	struct sd_bus_message *call = NULL;

	if (polkit->broken || polkit->bus.new_call(polkit->connection, &call, POLKIT,
						   "/org/freedesktop/PolicyKit1/Authority",
						   POLKIT ".Authority", member) < 0)
		return NULL;
	return call;
}

static bool add_subject(struct access_polkit *polkit, struct sd_bus_message *call,
			const struct access_subject *subject)
{
	return polkit->bus.append(call, "(sa{sv})", "unix-process", 3, "pid", "u",
				  (uint32_t)subject->pid, "start-time", "t", subject->start, "uid",
				  "i", (int32_t)subject->uid) >= 0;
}

/* Makes CALL, which it drops, and meanwhile answers what polkitd asks the agent. The answer, for .unref; NULL: there is none, or an error. */
static struct sd_bus_message *make_polkit_call(struct access_polkit *polkit,
					       struct sd_bus_message *call)
{
	struct access_bus *bus = &polkit->bus;
	struct sd_bus_message *reply;

	polkit->answered = false;
	polkit->broken |= bus->call_async(polkit->connection, NULL, call, on_polkit_reply, polkit,
					  ANSWER_TIME) < 0;
	bus->unref(call);
	while (!polkit->answered && !polkit->broken) {
		int done = bus->process(polkit->connection, NULL);

		if (!done && !polkit->answered)
			done = bus->wait(polkit->connection, UINT64_MAX);
		polkit->broken |= done < 0 && done != -EINTR;
	}
	reply = take_ptr(polkit->reply);
	if (reply && bus->is_error(reply, NULL)) {
		/* Whoever let a question wait is asked no other one. */
		polkit->broken |= bus->is_error(reply, "org.freedesktop.DBus.Error.NoReply") > 0;
		reply = bus->unref(reply);
	}
	return reply;
}

/* --- the agent -------------------------------------------------------------------------------- */

/* Whether the next one of a list of identities is the user who is asked for. < 0: it cannot be read. */
static int read_identity(struct access_polkit *polkit, struct sd_bus_message *call, bool *ret)
{
	struct access_bus *bus = &polkit->bus;
	const char *kind, *key;
	uint32_t uid;
	int more;

	if (bus->read(call, "s", &kind) < 0 || bus->enter(call, 'a', "{sv}") < 0)
		return -EBADMSG;
	while ((more = bus->enter(call, 'e', "sv")) > 0) {
		if (bus->read(call, "s", &key) < 0)
			return -EBADMSG;
		if (strcmp(kind, "unix-user") != 0 || strcmp(key, "uid") != 0) {
			if (bus->skip(call, "v") < 0)
				return -EBADMSG;
		} else {
			if (bus->read(call, "v", "u", &uid) < 0)
				return -EBADMSG;
			*ret |= uid == polkit->uid;
		}
		if (bus->exit(call) < 0)
			return -EBADMSG;
	}
	return more < 0 ? more : bus->exit(call);
}

static bool read_identities(struct access_polkit *polkit, struct sd_bus_message *call, bool *ret)
{
	struct access_bus *bus = &polkit->bus;
	int more;

	*ret = false;
	if (bus->skip(call, "sssa{ss}s") < 0 || bus->enter(call, 'a', "(sa{sv})") < 0)
		return false;
	while ((more = bus->enter(call, 'r', "sa{sv}")) > 0)
		if (read_identity(polkit, call, ret) < 0 || bus->exit(call) < 0)
			return false;
	return !more;
}

/* polkitd names those whose password would do, groups as their members. The question is given up at once. */
static int on_agent_call(struct sd_bus_message *call, void *data, void *error)
{
	struct access_polkit *polkit = data;
	const char *sender = polkit->bus.sender(call);
	bool own;

	if (!sender || !polkit->polkitd || strcmp(sender, polkit->polkitd) != 0 ||
	    polkit->bus.is_call(call, POLKIT ".AuthenticationAgent", "BeginAuthentication") <= 0)
		return 0;
	if (read_identities(polkit, call, &own)) {
		polkit->was_asked = true;
		polkit->takes_own = own;
	}
	return polkit->bus.reply_error(call, POLKIT ".Error.Cancelled", "%s",
				       "callerctl access asks whose password it would be");
}

static bool become_agent(struct access_polkit *polkit, const struct access_subject *subject)
{
	struct sd_bus_message *call, *reply;

	if (polkit->is_agent)
		return true;
	call = new_polkit_call(polkit, "RegisterAuthenticationAgent");
	if (!call || !add_subject(polkit, call, subject) ||
	    polkit->bus.append(call, "ss", "C", AGENT_PATH) < 0) {
		polkit->bus.unref(call);
		return false;
	}
	reply = make_polkit_call(polkit, call);
	polkit->bus.unref(reply);
	polkit->is_agent = reply;
	return reply;
}

void access_polkit_leave(struct access_polkit *polkit, const struct access_subject *subject)
{
	struct sd_bus_message *call;

	if (!polkit->is_agent)
		return;
	polkit->is_agent = false;
	call = new_polkit_call(polkit, "UnregisterAuthenticationAgent");
	if (call && add_subject(polkit, call, subject) &&
	    polkit->bus.append(call, "s", AGENT_PATH) >= 0)
		polkit->bus.unref(make_polkit_call(polkit, call));
	else
		polkit->bus.unref(call);
}

/* --- questions -------------------------------------------------------------------------------- */

/* False: there is no answer. CHALLENGE: he would have to give a password, perhaps another one's. */
static bool check_authorization(struct access_polkit *polkit, const struct access_subject *subject,
				const struct access_question *question, uint32_t flags,
				bool *authorized, bool *challenge)
{
	struct sd_bus_message *call = new_polkit_call(polkit, "CheckAuthorization"), *reply;
	const char *const(*details)[2] = question->details;
	int may = 0, asks = 0, count = 0;
	bool whole;

	while (count < ACCESS_POLKIT_DETAILS && details[count][0])
		count++;
	if (!call || !add_subject(polkit, call, subject) ||
	    polkit->bus.append(call, "s", question->action) < 0 ||
	    polkit->bus.append(call, "a{ss}", count, details[0][0], details[0][1], details[1][0],
			       details[1][1], details[2][0], details[2][1]) < 0 ||
	    polkit->bus.append(call, "us", flags, "") < 0) {
		polkit->bus.unref(call);
		return false;
	}
	reply = make_polkit_call(polkit, call);
	if (!reply)
		return false;
	whole = polkit->bus.enter(reply, 'r', "bba{ss}") > 0 &&
		polkit->bus.read(reply, "bb", &may, &asks) > 0;
	polkit->bus.unref(reply);
	*authorized = may;
	*challenge = asks;
	return whole;
}

enum access_polkit_answer access_polkit_ask(struct access_polkit *polkit,
					    const struct access_subject *subject,
					    const struct access_question *question)
{
	bool authorized, challenge;

	if (!check_authorization(polkit, subject, question, 0, &authorized, &challenge))
		return POLKIT_UNKNOWN;
	if (authorized)
		return POLKIT_YES;
	if (!challenge)
		return POLKIT_NO;
	polkit->uid = subject->uid;
	polkit->was_asked = false;
	/* Never without an agent of one's own: another one would ask somebody who sits at this machine. */
	if (!become_agent(polkit, subject) ||
	    !check_authorization(polkit, subject, question, MAY_ASK, &authorized, &challenge))
		return POLKIT_UNKNOWN;
	if (authorized)
		return POLKIT_YES;
	if (!polkit->was_asked)
		return POLKIT_UNKNOWN;
	return polkit->takes_own ? POLKIT_OWN_PASSWORD : POLKIT_NO;
}

/* --- the connection --------------------------------------------------------------------------- */

static int read_action(struct access_polkit *polkit, struct sd_bus_message *reply, void *data,
		       void (*take)(void *data, const char *action, const char *program))
{
	struct access_bus *bus = &polkit->bus;
	const char *action, *key, *value, *program = NULL;
	int more;

	if (bus->read(reply, "s", &action) < 0 || bus->skip(reply, "sssssuuu") < 0 ||
	    bus->enter(reply, 'a', "{ss}") < 0)
		return -EBADMSG;
	while ((more = bus->read(reply, "{ss}", &key, &value)) > 0)
		if (!strcmp(key, PROGRAM_OF_ACTION))
			program = value;
	if (more < 0 || bus->exit(reply) < 0)
		return -EBADMSG;
	take(data, action, program);
	return 0;
}

static bool read_actions(struct access_polkit *polkit, struct sd_bus_message *reply, void *data,
			 void (*take)(void *data, const char *action, const char *program))
{
	struct access_bus *bus = &polkit->bus;
	int more;

	if (bus->enter(reply, 'a', "(ssssssuuua{ss})") < 0)
		return false;
	while ((more = bus->enter(reply, 'r', "ssssssuuua{ss}")) > 0)
		if (read_action(polkit, reply, data, take) < 0 || bus->exit(reply) < 0)
			return false;
	return !more;
}

static bool begin_polkit(struct access_polkit *polkit, void *data,
			 void (*take)(void *data, const char *action, const char *program))
{
	struct access_bus *bus = &polkit->bus;
	struct sd_bus_message *call, *reply;
	bool whole;

	if (bus->open_system(&polkit->connection) < 0 ||
	    bus->add_object(polkit->connection, NULL, AGENT_PATH, on_agent_call, polkit) < 0)
		return false;
	call = new_polkit_call(polkit, "EnumerateActions");
	if (!call || bus->append(call, "s", "C") < 0) {
		bus->unref(call);
		return false;
	}
	reply = make_polkit_call(polkit, call);
	if (!reply)
		return false;
	polkit->polkitd = strdup(bus->sender(reply) ?: "");
	whole = polkit->polkitd && read_actions(polkit, reply, data, take);
	bus->unref(reply);
	return whole;
}

struct access_polkit *access_polkit_open(const char **why, void *data,
					 void (*take)(void *data, const char *action,
						      const char *program))
{
	struct access_polkit *polkit = calloc(1, sizeof(*polkit));

	if (polkit && !access_bus_load(&polkit->bus)) {
		*why = "there is no libsystemd.so.0 to ask it by";
		free(polkit);
		return NULL;
	}
	if (polkit && begin_polkit(polkit, data, take))
		return polkit;
	*why = "it does not answer";
	access_polkit_close(polkit);
	return NULL;
}

void access_polkit_close(struct access_polkit *polkit)
{
	if (!polkit)
		return;
	if (polkit->connection)
		polkit->bus.flush_close_unref(polkit->connection);
	free(polkit->polkitd);
	free(polkit);
}
