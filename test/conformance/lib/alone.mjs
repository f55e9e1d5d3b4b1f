// A network of its own for what would listen on every interface: the suite's mock servers do. The
// kernel must allow unprivileged user namespaces (or we be root); where it does not, the tests run
// without, and say so.
import { spawnSync } from 'node:child_process';

const RAISE_LOOPBACK = `
import fcntl, os, socket, struct, sys
s = socket.socket()
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
flags = struct.unpack("16sh", fcntl.ioctl(s, SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))[1]
fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))
s.close()
os.execvp(sys.argv[1], sys.argv[1:])
`;

const command = ['unshare', '-rn', 'python3', '-c', RAISE_LOOPBACK];
const [program, ...args] = [...command, 'true'];

export const canBeAlone = spawnSync(program, args, { stdio: 'ignore' }).status === 0;

/** Words to put before a command. */
export const alone = canBeAlone ? command : [];
