"""
The Python side of a ktx session: runs source text on request until its host ends it.

Requests arrive as one JSON object per line on stdin, frames leave the same way on stdout (docs/kernel.md). Standard
library only, Python 3.9 or newer, and few imports, because the host waits for them.
"""

import _ast
import codecs
import io
import json
import math
import os
import signal
import sys
import threading
import time
import types
from collections import deque

IS_POSIX = os.name == "posix"
RUNNER_PID = os.getpid()
HOST_PID = os.getppid()
MAIN_THREAD = threading.get_ident()
CO_COROUTINE = 0x80
PF_EXITING = 0x4

# ---------------------------------------------------------------------------------------------------- the guardian


def is_orphaned():
    """Whether the host is gone. A process gets a new parent as soon as its parent ends."""
    try:
        with open("/proc/%d/stat" % RUNNER_PID, "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1]) != HOST_PID
    except (OSError, ValueError, IndexError):
        pass
    if os.getpid() == RUNNER_PID:
        return os.getppid() != HOST_PID
    try:
        os.kill(HOST_PID, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def is_host_ending():
    """
    Whether the system is taking the host down. It closes the host's pipes first and gives its children a new parent
    when the last of its threads is gone, which may take seconds on a busy machine. proc(5): state and flags; PF_EXITING
    is in linux/sched.h. False where the system does not tell.
    """
    try:
        with open("/proc/%d/stat" % HOST_PID, "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        return fields[0] in (b"Z", b"X") or bool(int(fields[6]) & PF_EXITING)
    except (OSError, ValueError, IndexError):
        return False


def end_session():
    """Sends SIGKILL to everything the session started, this process last: there is no one left to end it gracefully."""
    mark = os.environb.get(b"KTX_PROCESS_MARK")
    killed = {os.getpid(), RUNNER_PID}
    while mark:
        strays = [pid for pid in pids_with(b"KTX_PROCESS_MARK=" + mark) if pid not in killed]
        if not strays:
            break
        for pid in strays:
            killed.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    if os.getpgrp() == RUNNER_PID:
        os.killpg(RUNNER_PID, signal.SIGKILL)
    os.kill(RUNNER_PID, signal.SIGKILL)


def pids_with(assignment):
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []
    found = []
    for pid in pids:
        try:
            with open("/proc/%d/environ" % pid, "rb") as environment:
                if assignment in environment.read().split(b"\0"):
                    found.append(pid)
        except OSError:
            pass
    return found


def watch_host():
    while not is_orphaned():
        # The runner is gone but the host is not: the host cleans up.
        if os.getpid() != RUNNER_PID and os.getppid() != RUNNER_PID:
            return
        time.sleep(1)
    end_session()


def start_guardian():
    """
    A forked process that ends the session when the host dies. A thread could not, since it does not run while code
    holds the interpreter lock. Returns its pid, or None where a thread must do.
    """
    if not IS_POSIX:
        return None
    try:
        pid = os.fork()
    except OSError:
        threading.Thread(target=watch_host, daemon=True).start()
        return None
    if pid:
        return pid
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        watch_host()
    finally:
        os._exit(0)


# ------------------------------------------------------------------------------------------------------- the state


class State:
    """Shared with the signal handler and the threads."""

    request_id = None
    """The running request; None while idle."""
    in_user_code = False
    """KeyboardInterrupt is raised only while this is set, so that it cannot escape into the runner."""
    is_critical = False
    """The main thread is writing a frame, which must not be left incomplete."""
    is_interrupted = False
    """A SIGINT that could not be raised immediately."""
    task = None
    """The asyncio task of an awaiting request, while it can be cancelled."""
    is_forked = False
    """This is a child forked by user code: it must not write to the host."""


state = State()


def on_sigint(_number, frame):
    if not state.in_user_code or state.is_critical:
        state.is_interrupted = True
    elif state.task is not None and is_event_loop(frame):
        # An exception here could lose a callback held by the event loop. The next signal raises one anyway.
        task, state.task = state.task, None
        task.cancel()
        task.get_loop().call_soon_threadsafe(lambda: None)
    else:
        raise KeyboardInterrupt


def is_event_loop(frame):
    module = frame.f_globals.get("__name__") or ""
    return frame.f_code.co_filename == __file__ or module == "selectors" or module.split(".")[0] == "asyncio"


def on_unraisable(unraisable):
    """A finalizer swallowed the interrupt: raise it at the next opportunity."""
    if unraisable.exc_type is not None and issubclass(unraisable.exc_type, KeyboardInterrupt):
        state.is_interrupted = True
    else:
        sys.__unraisablehook__(unraisable)


def raise_if_interrupted():
    if state.is_interrupted and state.in_user_code and not state.is_critical:
        state.is_interrupted = False
        raise KeyboardInterrupt


def take_sigint():
    """Restores our handler: user code may have installed its own, or blocked the signal."""
    signal.signal(signal.SIGINT, on_sigint)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


# ------------------------------------------------------------------------------------------------------ the frames


def text_of(value):
    """The repr of a value, even if its repr fails."""
    try:
        return repr(value)
    except Exception:
        return "<%s>" % type(value).__name__


def encodable(value, depth=0):
    """A copy of a value that JSON can represent; other parts become their repr."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else text_of(value)
    if isinstance(value, int):
        return value if value.bit_length() < 10000 else text_of(value)
    if depth < 100 and isinstance(value, dict):
        keys = ((key if isinstance(key, str) else text_of(key), item) for key, item in list(value.items()))
        return {key: encodable(item, depth + 1) for key, item in keys}
    if depth < 100 and isinstance(value, (list, tuple)):
        return [encodable(item, depth + 1) for item in value]
    return text_of(value)


def encoded(frame, dumps=json.dumps):
    try:
        text = dumps(frame, default=repr, allow_nan=False)
    except Exception:
        text = dumps(encodable(frame))
    return text.encode("ascii") + b"\n"


class FrameWriter:
    """
    Writes complete lines: other threads wait for the lock, and finalizers that print while their own thread is writing
    are queued.
    """

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.lock = threading.RLock()
        self.lines = deque()
        self.is_writing = False

    def send(self, kind, request_id, **fields):
        line = encoded({"type": kind, "id": request_id, **fields})
        if state.is_forked:
            return
        if threading.get_ident() == MAIN_THREAD:
            was_critical = state.is_critical
            state.is_critical = True
            try:
                self.write(line)
            finally:
                state.is_critical = was_critical
            raise_if_interrupted()
        else:
            self.write(line)

    def write(self, line):
        with self.lock:
            self.lines.append(line)
            if self.is_writing:
                return
            self.is_writing = True
            try:
                while self.lines:
                    self.write_all(self.lines.popleft())
            finally:
                self.is_writing = False

    def write_all(self, data):
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.descriptor, view) :]
            except OSError:
                # The reader is gone.
                os._exit(1)


class StreamFrames(io.RawIOBase):
    """The raw stream behind sys.stdout and sys.stderr."""

    def __init__(self, name, descriptor):
        self.stream_name = name
        self.descriptor = descriptor
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def fileno(self):
        return self.descriptor

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        if state.is_forked:
            write_raw(self.descriptor, data)
        else:
            self.forward(data, self.decoder.decode(data))
        return len(data)

    def forward(self, data, text):
        request_id = state.request_id
        if request_id is None:
            write_raw(2, data)
        elif text:
            frames.send(self.stream_name, request_id, data=text)

    def finish(self):
        """Flushes an incomplete character left by a request."""
        text = self.decoder.decode(b"", True)
        self.decoder.reset()
        self.forward(b"", text)


def write_raw(descriptor, data):
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError:
        pass


class NativeOutput:
    """
    Turns descriptor 1 into a pipe that a thread drains into stdout frames, so that native libraries and child processes
    cannot write to the host's channel. A token written last marks that everything before it has been forwarded.
    """

    def __init__(self):
        self.token = b"\0" + os.urandom(16).hex().encode("ascii") + b"\0"
        self.read_end, write_end = os.pipe()
        os.dup2(write_end, 1)
        self.write_end = write_end
        self.stream = StreamFrames("stdout", 1)
        self.is_reached = threading.Semaphore(0)
        threading.Thread(target=self.drain, name="ktx-output", daemon=True).start()

    def drain(self):
        if hasattr(signal, "pthread_sigmask"):
            # A signal delivered here would not wake the main thread.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        held = b""
        while True:
            data = os.read(self.read_end, 65536)
            if not data:
                return
            *parts, held = (held + data).split(self.token)
            for part in parts:
                self.stream.write(part)
                self.stream.finish()
                self.is_reached.release()
            kept = self.start_of_token(held)
            self.stream.write(held[: len(held) - kept])
            held = held[len(held) - kept :]

    def start_of_token(self, data):
        """How many bytes at the end of data may be the beginning of the token."""
        for length in range(min(len(data), len(self.token) - 1), 0, -1):
            if data.endswith(self.token[:length]):
                return length
        return 0

    def flush(self):
        flush_c_streams()
        write_raw(self.write_end, self.token)
        self.is_reached.acquire()


def flush_c_streams():
    """
    C buffers standard output when it is a pipe; without ctypes nothing here could have filled that buffer on purpose.
    """
    if IS_POSIX and "ctypes" in sys.modules:
        try:
            sys.modules["ctypes"].CDLL(None).fflush(None)
        except Exception:
            pass


# --------------------------------------------------------------------------------------------------------- display

ACCESSORS = (
    ("_repr_html_", "text/html"),
    ("_repr_markdown_", "text/markdown"),
    ("_repr_svg_", "image/svg+xml"),
    ("_repr_png_", "image/png"),
    ("_repr_jpeg_", "image/jpeg"),
    ("_repr_json_", "application/json"),
    ("_repr_latex_", "text/latex"),
)


def bundle_of(value):
    bundle = {}
    # Not for classes, whose methods lack an instance, nor for objects that have every attribute.
    if not isinstance(value, type) and getattr(value, "_ktx_has_every_name_", None) is None:
        offered = answer_of(value, "_repr_mimebundle_")
        if isinstance(offered, dict):
            bundle.update((str(mime), text_if_bytes(item)) for mime, item in offered.items() if item is not None)
        for name, mime in ACCESSORS:
            item = None if mime in bundle else answer_of(value, name)
            if item is not None:
                bundle[mime] = text_if_bytes(item)
    if "text/plain" not in bundle:
        bundle["text/plain"] = repr(value)
    return bundle


def answer_of(value, name):
    try:
        accessor = getattr(value, name, None)
        answer = accessor() if callable(accessor) else None
    except Exception:
        return None
    # (data, metadata)
    return answer[0] if isinstance(answer, tuple) and len(answer) == 2 else answer


def text_if_bytes(value):
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode("ascii")
    return value


def display(value, raw=False):
    """Shows a value to the host in every available format; with raw, value is a dict from MIME type to data."""
    if raw:
        if not isinstance(value, dict):
            raise TypeError("display(raw=True) needs a dict of MIME types, not " + type(value).__name__)
        bundle = {"text/plain": "", **value}
    else:
        bundle = bundle_of(value)
    frames.send("display", state.request_id or "", bundle=bundle)


# --------------------------------------------------------------------------------------------------------- running

SOURCES_KEPT = 200
SOURCE_LIMIT_CHARS = 100_000


class Session:
    """The namespace shared by requests, and how code runs in it."""

    def __init__(self):
        self.module = types.ModuleType("__main__")
        self.module.__dict__["display"] = display
        # Without a reference, the globals of this file would be cleared along with the replaced module.
        self.runner_module = sys.modules["__main__"]
        sys.modules["__main__"] = self.module
        self.sources = {}
        self.loop = None

    def run(self, source, filename, request_id):
        """Compiles and runs a request, and sends the value of a trailing expression."""
        state.in_user_code = True
        try:
            raise_if_interrupted()
            value = None
            for code in self.compiled(source, filename):
                run = self.run_coroutine if code.co_flags & CO_COROUTINE else self.evaluate
                value = run(code)
            if value is not None and os.getpid() == RUNNER_PID:
                bundle = bundle_of(value)
                state.is_critical = True
                native.flush()
                state.is_critical = False
                frames.send("result", request_id, bundle=bundle)
        finally:
            state.in_user_code = state.is_critical = False

    def compiled(self, source, filename):
        """The statements, then the trailing expression if any. Everything is compiled before anything runs."""
        await_flag = _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(source, filename, "exec", _ast.PyCF_ONLY_AST | await_flag, True)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], _ast.Expr) else None
        codes = [compile(tree, filename, "exec", await_flag, True)]
        if last is not None:
            codes.append(compile(_ast.Expression(last.value), filename, "eval", await_flag, True))
        return codes

    def evaluate(self, code):
        return eval(code, self.module.__dict__)

    def run_coroutine(self, code):
        """Runs an awaiting request to completion. The event loop is kept for the next one."""
        task = None
        # An interrupt before the coroutine is in a task would leave it un-awaited.
        state.is_critical = True
        try:
            import asyncio

            if self.loop is None or self.loop.is_closed():
                self.loop = asyncio.new_event_loop()
                asyncio.set_event_loop(self.loop)
            state.task = task = self.loop.create_task(self.evaluate(code))
            state.is_critical = False
            raise_if_interrupted()
            return self.loop.run_until_complete(task)
        except BaseException as error:
            is_stopped = task is not None and state.task is None and isinstance(error, asyncio.CancelledError)
            if task is not None:
                self.settle(task)
            if is_stopped:
                raise KeyboardInterrupt from None
            raise
        finally:
            state.is_critical = False
            state.task = None

    def settle(self, task):
        import asyncio

        if not task.done():
            task.cancel()
            try:
                self.loop.run_until_complete(task)
            except (asyncio.CancelledError, Exception):
                pass
        if task.done() and not task.cancelled():
            # Retrieved so that asyncio does not report it as never retrieved.
            task.exception()

    def keep_source(self, source, filename):
        """For tracebacks. The oldest are dropped, so that a long session does not grow."""
        if len(source) <= SOURCE_LIMIT_CHARS:
            self.sources[filename] = source
        if len(self.sources) > SOURCES_KEPT:
            self.forget(next(iter(self.sources)))

    def forget(self, filename):
        self.sources.pop(filename, None)
        linecache = sys.modules.get("linecache")
        if linecache is not None:
            linecache.cache.pop(filename, None)

    def error_fields(self, error):
        if isinstance(error, KeyboardInterrupt):
            value = "Execution interrupted"
        else:
            try:
                value = str(error)
            except Exception:
                value = ""
        try:
            traceback = self.traceback_lines(error)
        except Exception:
            traceback = []
        return {"ename": type(error).__name__, "evalue": value, "traceback": traceback}

    def traceback_lines(self, error):
        import linecache
        import traceback

        for filename, source in self.sources.items():
            linecache.cache.setdefault(filename, (len(source), None, source.splitlines(True), filename))
        text = "".join(traceback.format_exception(type(error), error, self.user_frames(error.__traceback__)))
        return text.rstrip("\n").split("\n")

    def user_frames(self, step):
        """The traceback from the first frame of a request, without frames of this file."""
        steps = []
        while step is not None:
            steps.append(step)
            step = step.tb_next
        names = [step.tb_frame.f_code.co_filename for step in steps]
        first = next((index for index, name in enumerate(names) if name.startswith("<request ")), 0)
        following = None
        for step, name in reversed(list(zip(steps, names))[first:]):
            if name != __file__:
                following = types.TracebackType(following, step.tb_frame, step.tb_lasti, step.tb_lineno)
        return following


def run_request(session, request, count):
    request_id, source = request["id"], request["code"]
    filename = "<request %d>" % count
    session.keep_source(source, filename)
    error = None
    try:
        take_sigint()
        state.is_interrupted = False
        state.request_id = request_id
        frames.send("started", request_id)
        session.run(source, filename, request_id)
    except BaseException as raised:
        error = raised
    while state.in_user_code:
        try:
            state.in_user_code = False
        except KeyboardInterrupt as raised:
            error = raised
    if os.getpid() != RUNNER_PID:
        end_forked_child(session, error)
    take_sigint()
    if error is None and state.is_interrupted:
        error = KeyboardInterrupt()
    native.flush()
    for stream in (sys.__stdout__, sys.__stderr__):
        stream.buffer.finish()
    if error is not None:
        frames.send("error", request_id, **session.error_fields(error))
    state.request_id = None
    frames.send(
        "done",
        request_id,
        status="ok" if error is None else "error",
        executionCount=count,
        cancelled=isinstance(error, KeyboardInterrupt),
    )


def end_forked_child(session, error):
    """A child forked by user code has finished: it must not become a second runner."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        status = 1
        lines = session.error_fields(error)["traceback"]
        write_raw(2, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))
    os._exit(status & 0xFF)


def parsed(line):
    """@raise ValueError: the line is not a request."""
    try:
        request = json.loads(line.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(request, dict):
        raise ValueError("not an object")
    if request.get("type") == "exit":
        return request
    if not isinstance(request.get("id"), str) or request["id"] == "":
        raise ValueError("no id")
    if not isinstance(request.get("code"), str):
        raise ValueError("no code")
    return request


def serve(requests):
    """Returns whether the host asked to exit; otherwise its end of the pipe was closed."""
    session = Session()
    count = 0
    while True:
        line = requests.readline()
        if not line:
            return False
        if not line.strip():
            continue
        try:
            request = parsed(line)
        except ValueError as error:
            evalue = "Invalid JSON request: %s" % error
            frames.send("error", "", ename="ProtocolError", evalue=evalue, traceback=[])
            continue
        if request.get("type") == "exit":
            return True
        count += 1
        run_request(session, request, count)


def in_forked_child():
    state.is_forked = True


def text_stream(name, descriptor):
    # Unlike Python's own, it never rejects a text: lone surrogates are shown escaped.
    raw = StreamFrames(name, descriptor)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", newline="\n", write_through=True)


guardian_pid = start_guardian()
sys.argv = [""]
# Remove the folder of this file, which Python puts first.
if sys.path and os.path.realpath(sys.path[0] or ".") == os.path.dirname(os.path.realpath(__file__)):
    del sys.path[0]
sys.unraisablehook = on_unraisable
take_sigint()
request_lines = open(os.dup(0), "rb", 65536)
frames = FrameWriter(os.dup(1))
null_descriptor = os.open(os.devnull, os.O_RDONLY)
os.dup2(null_descriptor, 0)
os.close(null_descriptor)
native = NativeOutput()
sys.stdout = sys.__stdout__ = text_stream("stdout", 1)
sys.stderr = sys.__stderr__ = text_stream("stderr", 2)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=in_forked_child)

if not serve(request_lines):
    # A killed host closes its pipes a moment before its children get a new parent.
    for _ in range(50):
        if is_orphaned() or is_host_ending():
            end_session()
        time.sleep(0.01)

# The pipe is no longer drained from here on.
os.dup2(2, 1)
if guardian_pid is not None:
    try:
        os.kill(guardian_pid, signal.SIGKILL)
        os.waitpid(guardian_pid, 0)
    except OSError:
        pass
sys.exit(0)
