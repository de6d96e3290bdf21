"""EC2's instance metadata service, version 2: what the instance is told about itself."""

import time

import httpx2

TOKEN_SECONDS = 21600


class Metadata:
    """Reads the instance's metadata.

    Parameters
    ----------
    url
        Where the metadata service is.
    patience
        Seconds after which it counts as not answering.
    """

    def __init__(self, url: str, patience: float = 2.0) -> None:
        self._http = httpx2.Client(base_url=url, timeout=patience, trust_env=False)
        self._token = ""
        self._token_until = 0.0

    def read(self, path: str) -> str | None:
        """Return what stands at a path below ``latest/meta-data``; None if nothing does.

        Raises
        ------
        httpx2.HTTPError
            If the metadata service does not answer.
        """
        answer = self._http.get(f"/latest/meta-data/{path}", headers=self._authorization())
        if answer.status_code == 401:
            self._token_until = 0.0
            answer = self._http.get(f"/latest/meta-data/{path}", headers=self._authorization())
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.text.strip()

    def instance(self) -> str:
        """Return the instance's id."""
        return self.read("instance-id") or ""

    def region(self) -> str:
        """Return the region that the instance is in."""
        return self.read("placement/region") or ""

    def interrupted(self) -> bool:
        """Say whether EC2 takes the spot instance back, which it does two minutes later."""
        return self.read("spot/instance-action") is not None

    def endangered(self) -> bool:
        """Say whether EC2 recommends to replace the instance; the group then does."""
        return self.read("events/recommendations/rebalance") is not None

    def terminating(self) -> bool:
        """Say whether the group ends the instance, and waits for it to let go."""
        return self.read("autoscaling/target-lifecycle-state") == "Terminated"

    def _authorization(self) -> dict[str, str]:
        now = time.monotonic()
        if now >= self._token_until:
            lifetime = {"x-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
            answer = self._http.put("/latest/api/token", headers=lifetime)
            answer.raise_for_status()
            self._token, self._token_until = answer.text, now + TOKEN_SECONDS / 2
        return {"x-aws-ec2-metadata-token": self._token}
