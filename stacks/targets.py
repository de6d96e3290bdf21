"""Where libraries run that this project fetches: by Python, processor and C library."""

from dataclasses import dataclass

from packaging.markers import default_environment

OLDEST, NEWEST = 17, 34
"""Of the C library: wheels for one as old as the first run with Amazon Linux 2023's, the second,
and with newer ones, such as Ubuntu 24.04's."""


@dataclass(frozen=True)
class Target:
    """A Python on Amazon Linux 2023, or on a newer system.

    Attributes
    ----------
    python
        Its version, such as "3.12".
    processor
        As wheels call it.
    """

    python: str
    processor: str

    @property
    def options(self) -> tuple[str, ...]:
        """Options by which pip takes files for it."""
        return (
            *(
                f"--platform=manylinux_2_{age}_{self.processor}"
                for age in range(NEWEST, OLDEST - 1, -1)
            ),
            f"--platform=manylinux2014_{self.processor}",
            "--implementation=cp",
            f"--python-version={self.python}",
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the conditions of requirements find there."""
        return {
            **{name: str(value) for name, value in default_environment().items()},
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": self.processor,
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }


INSTANCE = Target("3.12", "x86_64")
"""What `ami/install.sh` takes."""
LAMBDA = Target("3.14", "aarch64")
