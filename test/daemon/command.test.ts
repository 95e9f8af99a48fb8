import { describe, expect, it } from 'vitest';
import { isDaemonAtPort, parseDaemonCommand } from '../../src/daemon/command.ts';

const DEFAULTS = { host: '127.0.0.1', port: 8765, isPortGiven: false };

describe('parseDaemonCommand', () => {
  it.each([
    'ktx-daemon serve-http',
    '/r/0.3.0/.venv/bin/ktx-daemon serve-http',
    'C:\\r\\Scripts\\ktx-daemon.exe serve-http',
    '"C:\\Program Files\\ktx-daemon.exe" serve-http',
    'uv run ktx-daemon serve-http',
    'uv.exe run --project x ktx-daemon serve-http',
    'UV run /r/bin/ktx-daemon serve-http',
    '/usr/bin/uv --quiet run ktx-daemon serve-http',
    'python -m ktx_daemon serve-http',
    '/usr/bin/python3 -m ktx_daemon serve-http',
    'C:\\Python\\Python.exe -m ktx_daemon serve-http',
    'uv run python -m ktx_daemon serve-http',
    'uv run --with x python3 -m ktx_daemon serve-http',
    '/r/bin/python /r/bin/ktx-daemon serve-http',
    '/r/bin/python3 /r/bin/ktx-daemon serve-http',
    '/r/bin/python3.13 /r/bin/ktx-daemon serve-http',
    "'/my home/bin/python' '/my home/bin/ktx-daemon' serve-http",
    '/Frameworks/Python.app/Contents/MacOS/Python /r/bin/ktx-daemon serve-http',
  ])('17. a daemon: %s', (command) => {
    expect(parseDaemonCommand(command)).toEqual(DEFAULTS);
  });

  it.each([
    '',
    'ktx-daemon',
    'serve-http',
    'ktx-daemon embedding-compute',
    'ktx-daemon --help serve-http',
    'my-ktx-daemon serve-http',
    'ktx-daemon.py serve-http',
    'KTX-DAEMON serve-http',
    'grep ktx-daemon serve-http',
    'grep "ktx-daemon serve-http"',
    '"ktx-daemon serve-http"',
    'vim ktx-daemon serve-http',
    'sh -c "ktx-daemon serve-http"',
    'bash -c ktx-daemon serve-http',
    'python "ktx-daemon serve-http"',
    'python x.py ktx-daemon serve-http',
    'python -I /r/bin/ktx-daemon serve-http',
    'python -c pass ktx-daemon serve-http',
    'pythonista /r/bin/ktx-daemon serve-http',
    'python2 /r/bin/ktx-daemon serve-http',
    'python3.13t /r/bin/ktx-daemon serve-http',
    'python -m ktx_daemon',
    'python -m ktx_daemon_x serve-http',
    'python -m other ktx_daemon serve-http',
    'python -X dev -m ktx_daemon serve-http',
    'python3.13 -m ktx_daemon serve-http',
    'node -m ktx_daemon serve-http',
    'sudo -u me ktx-daemon serve-http',
    'uv ktx-daemon serve-http',
    'uv tool install ktx-daemon serve-http',
    'uv ktx-daemon serve-http run',
    'uv run -m ktx_daemon serve-http',
    'uv python run -m ktx_daemon serve-http',
    'uvx run ktx-daemon serve-http',
    'xuv run ktx-daemon serve-http',
  ])('17. no daemon: %s', (command) => {
    expect(parseDaemonCommand(command)).toBeNull();
  });

  it.each([
    ['--host 127.0.0.2 --port 4000', '127.0.0.2', 4000, true],
    ['--host=localhost --port=4000 --log-level info', 'localhost', 4000, true],
    ['--port 1', '127.0.0.1', 1, true],
    ['--port 65535', '127.0.0.1', 65535, true],
    ['--port 1 --port 2', '127.0.0.1', 2, true],
    ['--port 0', '127.0.0.1', 8765, false],
    ['--port 65536', '127.0.0.1', 8765, false],
    ['--port -1', '127.0.0.1', 8765, false],
    ['--port 1e3', '127.0.0.1', 8765, false],
    ['--port 80x', '127.0.0.1', 8765, false],
    ['--port', '127.0.0.1', 8765, false],
    ['--port=', '127.0.0.1', 8765, false],
    ['--host= --port 4000', '127.0.0.1', 4000, true],
    ['--hostile x --portable 7', '127.0.0.1', 8765, false],
  ])('17. options: %s', (options, host, port, isPortGiven) => {
    expect(parseDaemonCommand(`ktx-daemon serve-http ${options}`)).toEqual({ host, port, isPortGiven });
  });
});

describe('isDaemonAtPort', () => {
  const exact = "'/my home/bin/python' '/my home/bin/ktx-daemon' serve-http --host 127.0.0.1 --port 4000";
  const joined = '/my home/bin/python3 /my home/bin/ktx-daemon serve-http --host 127.0.0.1 --port 4000';

  it.each<[string, number, boolean, boolean]>([
    [exact, 4000, true, true],
    [exact, 4001, true, false],
    ['ktx-daemon serve-http', 4000, true, true],
    ['sleep 60', 4000, true, false],
    ['sleep 60', 4000, false, false],
    [joined, 4000, false, true],
    [joined, 4000, true, false],
    [joined, 400, false, false],
    [`vim ${joined}`, 4000, false, false],
    [`${joined} and more`, 4000, false, false],
    ['/bin/grep /ktx-daemon serve-http --host 127.0.0.1 --port 4000', 4000, false, false],
  ])('H1. %s at %i, exact: %s', (command, port, isExact, isDaemon) => {
    expect(isDaemonAtPort(command, port, isExact)).toBe(isDaemon);
  });
});
