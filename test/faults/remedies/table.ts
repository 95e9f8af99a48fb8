import type { RemedyRow } from './follow.ts';
import { NETWORK_ROWS } from './network-rows.ts';
import { ROOT_ROWS } from './root-rows.ts';
import { TOOL_ROWS } from './tool-rows.ts';

/** Every remedy with a state that prints it, for `npm run test:faults printed-remedies`. */
export const ROWS: readonly RemedyRow[] = [...ROOT_ROWS, ...TOOL_ROWS, ...NETWORK_ROWS];

/** Followed in the wizard's machine by `npm run test:faults remedies`, against the fault that calls for them. */
export const IN_THE_WIZARD: readonly string[] = [
  'CHOOSE_CA_FILE',
  'writeProxyAs',
  'bypassProxy',
  'PROXY_LOGIN',
  'addLogin',
  'SET_CLIENT_CERTIFICATE',
  'allowHosts',
  'CHECK_PROXY',
];

/** Remedies that nobody follows here, by the reason. What can be made here belongs into a table. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  'it takes another machine, system or processor': [
    'bundle/import-bundle: Have a bundle made for this machine',
    "failure/causes/machine-causes: In a virtual machine, choose the host's processor type",
    'failure/causes/machine-causes: Use a newer system, or a container with one',
    'failure/causes/machine-causes: Choose another Python',
    'failure/causes/machine-causes: Install without embeddings',
    'failure/causes/uv-causes: Choose another Python',
    'python/python-choice: Install without embeddings',
    "failure/causes/machine-causes: Install it with your system's package manager, then run",
    'failure/causes/machine-causes: Mount it again, then run',
    'CHECK_CLOCK',
    'FREE_MEMORY',
    'FREE_QUOTA',
    'excludeFromAntivirus',
    'releaseFromQuarantine',
    'failure/causes/machine-causes: Put the runtime into a folder that the scanner excludes',
    'failure/causes/machine-causes: Give the container more processes (--pids-limit of docker and podman), then run',
    'store/store: Check its owner and attributes (lsattr, chattr -i)',
  ],
  'it takes a security policy of this machine': [
    'failure/causes/machine-causes: Ask whether a policy of this machine (SELinux, AppArmor, AppLocker) forbids it',
    'failure/causes/machine-causes: Run it without that profile, such as with --security-opt seccomp=unconfined',
    'daemon/http/loopback: Allow it in the sandbox, container or security policy that it runs in, then run',
    'daemon/http/loopback: Allow connections to 127.0.0.1 in the firewall or security program of this machine, then run',
    'daemon/http/loopback: End programs that hold many connections, or raise the limit (ulimit -n), then run',
  ],
  'the limit ends Node itself before it can say anything; the shell line has a unit test': [
    'LIFT_CPU_LIMIT',
    'RAISE_PROCESSES',
    'RAISE_OPEN_FILES',
  ],
  'archives of Python and Node cannot be had here': [
    'USE_PYTHON_MIRROR',
    'python/python-choice: Use Python …',
    'bundle/create: Fetch … where it can be fetched, then run',
    'bundle/create: Leave Python out; the target then needs its own',
    'bundle/create: Fetch one of the pinned archives; other builds are not accepted',
    'bundle/app-members: Fetch one of the pinned files; other builds are not accepted',
    'bundle/app-members: the file is fetched again',
    'setup/build/build: the archive is fetched then',
  ],
  'the Pythons of this machine cannot be hidden without hiding what the test needs': [
    'python/python-choice: Name an interpreter',
    "python/python-choice: Install Python … with your system's package manager, then run",
    'doctor/checks/python-files: Install the Python in … again, or take another one: ktx setup --force --python auto',
  ],
  'somebody has to change a file between two steps of one run': [
    'bundle/archive/write-bundle: the file is fetched again',
    'setup/build/build: its plan names the file as one to fetch',
    'setup/build/fetch-model: it makes a new plan',
    'setup/run-locked: Go back to the plan; ktx makes a new one',
    'uv/binary: uv is fetched then',
    'embed/start-daemon: Start it again',
    'lifecycle/uninstall: Stop it, then run',
    'doctor/repairs/runtime-repairs: Build a new one',
  ],
  'somebody who runs the network has to act; the network matrix has the states that print it': [
    'askForAccess',
    'signInAt',
  ],
  'there is no newer ktx yet': [
    'support/errors: Update ktx, then run',
    'support/errors: Or use the newer ktx for this runtime folder',
  ],
  'only the wizard shows it; its tests press it': [
    'cli/panels/actions: Stop it: ktx admin runtime stop',
    'cli/panels/mend: Change one: ktx admin network set <name> <value>',
    'doctor/session-checks: Run: ktx setup --force',
    'doctor/session-checks: Run: ktx setup --force --feature local-embeddings',
  ],
  'the tests of makers, hosts and models correct their files themselves': [
    'bundle/create: Make a lock for the wheel first',
    'bundle/import-bundle: Use the whole bundle, made without --since',
    'bundle/read-trust: Install it with a network, or make a lock for it',
    'cli/commands/model-host-inputs: Name another file',
    'cli/commands/model-host-inputs: Name the schema that llama-swap publishes, or leave --schema out',
    'cli/commands/model-host-inputs: Add --save to keep the connection for this project',
    'cli/commands/model-host-inputs: Correct it on the command line, or in …',
    'cli/commands/model-host-report: Preview with: ktx admin model-host diff',
    'hosts/host-lock: Make the file and its folder writable for this user',
    'hosts/project-files: Correct the file, or delete it and save the connection again: --save',
    'hosts/project-files: Keep secrets on the host, such as in a script that restarts the service',
    'maker/config: Write it as docs/embedding.md of ktx-setup describes',
    'maker/make-assets: Correct "extras", or the [project.optional-dependencies] of the wheel',
    'maker/make-assets: Depend on versions that have wheels there, or take the target out of "targets"',
    'maker/toolbox: Install Python 3.11 or newer, or name it with --python <path>',
    'maker/wheel: Use a build backend that honours SOURCE_DATE_EPOCH, or name a built wheel in "wheel"',
    'maker/wheel: Move what is compiled into a package of its own, and depend on it',
    'models/project/edit-yaml: Edit ktx.yaml by hand, or correct it, and run the command again',
    'models/project/ktx-yaml-file: Look at ktx.yaml and run the command again',
    'models/project/llm-config: Correct ktx.yaml and run the command again',
    'models/project/llm-status: Set llm.models.default in ktx.yaml, or rerun `ktx setup`.',
    'models/codex/auth-probe: Run `codex` to see the models your account supports, then set llm.models.default in ktx.yaml (or rerun `ktx setup`).',
    'models/codex/auth-probe: Set llm.models.default in ktx.yaml to a supported codex model (codex, default, or a gpt-* / codex-* id), or rerun `ktx setup`.',
    'models/project/codex-setup: Missing LLM backend: pass --llm-backend with one of claude-code, codex, anthropic, vertex. Or run `ktx setup` in a terminal to choose one.',
  ],
  'somebody names another path; the tests of what is named have the states': [
    'bundle/archive/bundle-file: Give the path of a bundle: its file, its first part, or the folder that it was unpacked into',
    'support/fs/given-path: Give the path of a …: …',
    'support/fs/given-path: Name a file: …',
    'vectors/vector-file: Choose another --output',
  ],
  'no state is known yet that prints it': [
    'MAKE_WRITABLE',
    'daemon/settings: Set … to a number from … to …, or run: unset …',
    'failure/causes/machine-causes: … belongs to uid …: let its owner install this, or open it to this user, then run',
    'REINSTALL_PACKAGE',
    'embed/spawn-daemon: Set KTX_RUNTIME_ROOT to a folder of yours',
    'failure/causes/machine-causes: Move the file away, then run',
    'failure/causes/machine-causes: Choose a shorter folder',
    'failure/causes/uv-causes: The altered file is fetched again by the next run',
    'failure/causes/uv-causes: Give the login in ~/.netrc, or in the address of the index',
    'failure/causes/uv-causes: The damaged file is fetched again by the next run',
    'failure/causes/uv-causes: Choose another one',
    'failure/causes/uv-causes: Wait for it, then run',
    'failure/failure: If it happens again, report it with the install log',
    'failure/failure: See the install log for everything that uv printed',
    'proof/unproven: See the install log for everything that was printed',
    'setup/plan/plan-model: Place … of … in …',
    'uv/acquire: Run it again',
    'uv/acquire: Place the uv … binary at …',
    'uv/binary: Use it all the same',
    'uv/version: Delete it, then run',
    'cli/main: The current folder was deleted, or cannot be read. Change to another one, then run ktx again: cd',
  ],
};

export const NOT_FOLLOWED: ReadonlyMap<string, string> = new Map(
  Object.entries(REASONS).flatMap(([reason, keys]) => keys.map((key) => [key, reason] as const)),
);
