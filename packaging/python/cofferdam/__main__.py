"""`python -m cofferdam`: starts the program that was installed together with this module."""

import os
import sys
import sysconfig

NAME = "cofferdam.exe" if os.name == "nt" else "cofferdam"


def places():
    """Where installers put scripts: of this environment, of the user, beside `pip install --target`."""
    yield sysconfig.get_path("scripts")
    scheme = "nt_user" if os.name == "nt" else "osx_framework_user" if sys.platform == "darwin" else "posix_user"
    for name in (scheme, "posix_user"):
        if name in sysconfig.get_scheme_names():
            yield sysconfig.get_path("scripts", name)
    yield os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin")


def main():
    looked = list(dict.fromkeys(places()))
    for place in looked:
        program = os.path.join(place, NAME)
        if os.path.isfile(program):
            break
    else:
        print(f"error: the program {NAME} is not where this package was installed: {', '.join(looked)}\n"
              "hint: install the package again", file=sys.stderr)
        return 2
    if os.name == "nt":
        # There exec starts a second process and ends this one, so that nobody would wait for it.
        import signal
        import subprocess

        # The console asks the program too, which ends after its step; its exit code is waited for.
        signal.signal(signal.SIGINT, lambda *_: None)
        return subprocess.call([program, *sys.argv[1:]])
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
