"""What importing the client costs."""

import subprocess
import sys


def test_the_sdk_is_imported_when_something_is_asked_and_not_before() -> None:
    probe = (
        "import sys, perceptdata.llm; "
        "print(sorted({'openai', 'aiohttp', 'httpx2'} & sys.modules.keys())); "
        "import perceptdata.cli; print('perceptdata.llm.client' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[0] == "[]"
    alone = "import sys, perceptdata.cli; print(sorted({'openai', 'perceptdata.llm'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=True).stdout == "[]\n"
