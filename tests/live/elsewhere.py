# SPDX-License-Identifier: Apache-2.0
"""A mount namespace whose /etc is its own: users, rules of sudo's and name services that this machine does not have; and a real LDAP
directory in there. The machine's own files stay as they are."""
import shutil

from live import *
from receivers import unpack

SETUP = r'''
mount -t tmpfs tmpfs "$0"
cd "$0"
mkdir lib lib.work
cp -a /etc etc || :  # what is made and removed at that moment
rm -f etc/*.lock
libraries=$(dirname "$(readlink -f /lib/*/libc.so.6)")
for library; do cp "$library" lib/; done
mount --bind etc /etc
mount -t overlay overlay -o "lowerdir=$libraries,upperdir=$0/lib,workdir=$0/lib.work" "$libraries"
echo up
exec sleep infinity'''


class Elsewhere:
    """LIBRARIES: what is there beside the machine's own."""

    def __init__(self, *libraries):
        self.dir = tempfile.mkdtemp(prefix='elsewhere-', dir=DIR)
        self.processes = []
        holder = self.popen('unshare', '--mount', '--propagation', 'private', 'sh', '-ec', SETUP, self.dir, *libraries)
        if holder.stdout.readline() != b'up\n':
            raise Skip('no mounts of its own: ' + holder.stderr.read().decode())
        self.inside = ['nsenter', f'--mount=/proc/{holder.pid}/ns/mnt', '--']

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()

    def popen(self, *command, **options):
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   start_new_session=True, **options)
        self.processes.append(process)
        return process

    def start(self, *command, **options):
        return self.popen(*self.inside, *command, **options)

    def run(self, *command, **options):
        return run(*self.inside, *command, **options)

    def write(self, path, text, mode=0o644):
        subprocess.run([*self.inside, 'sh', '-c', 'cat >"$0" && chmod "$1" "$0"', path, f'{mode:o}'], input=text.encode(), check=True)

    def user(self, name, uid, *groups, shell='/bin/sh'):
        self.run('useradd', '-M', '-u', str(uid), '-s', shell, *(['-G', ','.join(groups)] if groups else []), name)

    def as_user(self, name, *command):
        return [*self.inside, 'setpriv', '--reuid', name, '--regid', self.run('id', '-g', name).strip(), '--init-groups', '--', *command]


SLAPD = '''include {tree}/etc/ldap/schema/core.schema
include {tree}/etc/ldap/schema/cosine.schema
include {tree}/etc/ldap/schema/nis.schema
modulepath {tree}/usr/lib/ldap
moduleload back_mdb
database mdb
suffix dc=example
directory {dir}/db
'''
TOP = 'dn: dc=example\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n'
PERSON = '''
dn: uid={name},dc=example
objectClass: account
objectClass: posixAccount
uid: {name}
cn: {name}
uidNumber: {uid}
gidNumber: {uid}
homeDirectory: /nonexistent
loginShell: /bin/sh
'''
GROUP = '''
dn: cn={name},dc=example
objectClass: posixGroup
cn: {name}
gidNumber: {gid}
'''


class Directory(Elsewhere):
    """With slapd, asked by nslcd. PEOPLE: {name: uid}, GROUPS: {name: (gid, members)}; OPTIONS of nslcd."""

    def __init__(self, people, groups, options=''):
        tree = unpack('slapd', 'nslcd', 'libnss-ldapd')
        library = run('find', tree, '-name', 'libnss_ldap.so.2').split()[0]
        super().__init__(library)
        libraries = {**os.environ, 'LD_LIBRARY_PATH': f'{os.path.dirname(library)}:' + ':'.join(
            {os.path.dirname(path) for path in run('find', tree + '/usr/lib', '-name', '*.so.*', '-not', '-path', '*/ldap/*').split()})}
        self.run('mkdir', self.dir + '/db')
        self.write(self.dir + '/slapd.conf', SLAPD.format(tree=tree, dir=self.dir))
        self.write(self.dir + '/data', TOP + ''.join(PERSON.format(name=name, uid=uid) for name, uid in people.items()) + ''.join(
            GROUP.format(name=name, gid=gid) + ''.join(f'memberUid: {member}\n' for member in members)
            for name, (gid, members) in groups.items()))
        self.run(tree + '/usr/sbin/slapd', '-T', 'add', '-f', self.dir + '/slapd.conf', '-l', self.dir + '/data', env=libraries)
        url = 'ldapi://' + (self.dir + '/ldapi').replace('/', '%2f')
        self.start(tree + '/usr/sbin/slapd', '-f', self.dir + '/slapd.conf', '-h', url, '-d', '0', env=libraries)
        self.write('/etc/nslcd.conf', f'uid 0\ngid 0\nuri {url}\nbase dc=example\n{options}', 0o600)
        self.run('sed', '-i', 's/^\\(passwd\\|group\\):.*/\\1: files ldap/', '/etc/nsswitch.conf')
        # /var/run leads to the machine's /run, where nslcd would have its socket.
        self.run('sh', '-ec', 'cd "$0"; mkdir var var.work; mount -t overlay overlay -o lowerdir=/var,upperdir="$0/var",workdir="$0/var.work" /var; '
                 'rm /var/run; mkdir -p /var/run/nslcd', self.dir)
        self.nslcd = self.start(tree + '/usr/sbin/nslcd', '-n', env=libraries)
        deadline = time.monotonic() + PATIENCE
        while self.run('getent', 'passwd', *people, check=False).count('\n') < len(people):
            true(time.monotonic() < deadline, 'the directory answers')
            time.sleep(0.05)

    def stop_answering(self):
        """Whoever asks waits for ever."""
        for pid in run('pgrep', '-P', str(self.nslcd.pid), check=False).split() + [str(self.nslcd.pid)]:
            os.kill(int(pid), signal.SIGSTOP)


BUS = '''<busconfig>
<type>system</type>
<listen>unix:path={dir}/bus</listen>
<auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
'''


class Polkit(Elsewhere):
    """With a system bus and polkitd of its own, which know the users in there. RULES: as polkit has them, of JavaScript."""

    def __init__(self):
        daemon = next((path for path in ('/usr/lib/polkit-1/polkitd', '/usr/libexec/polkitd') if os.path.exists(path)), None)
        if not daemon or not shutil.which('dbus-daemon'):
            raise Skip('no polkitd or no dbus-daemon: tools/install-deps test')
        super().__init__()
        self.run('chmod', '755', self.dir)
        self.write(self.dir + '/bus.conf', BUS.format(dir=self.dir))
        self.bus = {'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={self.dir}/bus'}
        self.dbus = self.start('dbus-daemon', '--config-file', self.dir + '/bus.conf', '--nofork', '--print-address')
        true(self.dbus.stdout.readline().startswith(b'unix:'), 'the bus is there')
        self.daemon, self.polkitd = daemon, None

    def rules(self, text):
        """polkitd reads them as it starts."""
        if self.polkitd:
            self.polkitd.kill()
            self.polkitd.wait()
        self.run('sh', '-c', 'rm -f /etc/polkit-1/rules.d/*; mkdir -p /etc/polkit-1/rules.d; chown -R polkitd: /etc/polkit-1/rules.d')
        self.write('/etc/polkit-1/rules.d/10-test.rules', text)
        self.polkitd = self.start(self.daemon, '--no-debug', env={**os.environ, **self.bus})
        deadline = time.monotonic() + PATIENCE
        while 'org.freedesktop.PolicyKit1"' not in self.run('dbus-send', '--bus=' + self.bus['DBUS_SYSTEM_BUS_ADDRESS'], '--print-reply',
                                                            '--dest=org.freedesktop.DBus', '/', 'org.freedesktop.DBus.ListNames'):
            true(time.monotonic() < deadline and self.polkitd.poll() is None, 'polkitd is on the bus')
            time.sleep(0.05)
