"""The proof of a secret, and the strict mode."""

from __future__ import annotations

import pytest
from conftest import Serve

from ktx_daemon.proof import SecretError, access_token, health_token, proof, take_secret

SECRET = bytes.fromhex("ab" * 32)
CHALLENGE = "0123456789abcdef" * 2


def test_proves_that_it_knows_the_secret_and_shows_none(serve: Serve) -> None:
    client = serve(secret=SECRET)
    answer = client.get("/health", {"x-ktx-challenge": CHALLENGE})
    assert answer.status == 200
    assert answer.body == {"status": "healthy"}
    assert answer.headers["x-ktx-proof"] == proof(SECRET, client.port, CHALLENGE.encode())
    assert SECRET.hex() not in str(answer) and CHALLENGE not in str(answer)


def test_the_proof_is_of_this_port_and_this_challenge() -> None:
    first = proof(SECRET, 1, b"a")
    assert len({first, proof(SECRET, 2, b"a"), proof(SECRET, 1, b"b"), proof(b"x", 1, b"a"), access_token(SECRET)}) == 5
    assert health_token(SECRET, 1, b"a") != first


@pytest.mark.parametrize("challenge", ["", "0123", "x" * 32, "0" * 129, "token"])
def test_gives_no_proof_for_what_is_no_challenge(serve: Serve, challenge: str) -> None:
    answer = serve(secret=SECRET).get("/health", {"x-ktx-challenge": challenge})
    assert answer.status == 200
    assert "x-ktx-proof" not in answer.headers


def test_callers_that_know_nothing_of_it_are_served(serve: Serve) -> None:
    client = serve(secret=SECRET)
    assert client.get("/health").body == {"status": "healthy"}
    assert client.post("/embeddings/compute", {"text": "abc"}).status == 200


PATHS = ["/health", "/embeddings/compute", "/embeddings/compute-bulk", "/v1/embeddings", "/sql/analyze-batch", "/none"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("given", [None, "Bearer", "Bearer wrong", "Basic ", SECRET.hex()])
def test_strict_every_request_needs_the_token(serve: Serve, path: str, method: str, given: str | None) -> None:
    client = serve(secret=SECRET, is_strict=True)
    headers = {} if given is None else {"authorization": given}
    answer = client.send(method, path, b"{}" if method == "POST" else None, headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "token" in answer.body["detail"]


def test_strict_the_token_opens(serve: Serve) -> None:
    client = serve(secret=SECRET, is_strict=True)
    headers = {"authorization": f"Bearer {access_token(SECRET)}", "content-type": "application/json"}
    assert client.get("/health", headers).body == {"status": "healthy", "token": "required"}
    assert client.send("POST", "/embeddings/compute", b'{"text": "abc"}', headers).status == 200


def test_strict_the_token_of_a_challenge_opens_health_once_and_nothing_else(serve: Serve) -> None:
    client = serve(secret=SECRET, is_strict=True)
    token = {"authorization": f"Bearer {health_token(SECRET, client.port, CHALLENGE.encode())}"}
    challenge = {"x-ktx-challenge": CHALLENGE}
    assert client.get("/health", token | challenge).status == 200
    assert client.get("/health", token).status == 401
    assert client.get("/health", token | {"x-ktx-challenge": "f" * 32}).status == 401
    assert client.send("POST", "/embeddings/compute", b'{"text": "abc"}', token | challenge).status == 401


def test_takes_the_secret_out_of_the_environment() -> None:
    environment = {"KTX_DAEMON_SECRET": SECRET.hex(), "KTX_DAEMON_STRICT": "1"}
    assert take_secret(environment) == (SECRET, True)
    assert "KTX_DAEMON_SECRET" not in environment
    assert take_secret({}) == (None, False)


@pytest.mark.parametrize("environment", [{"KTX_DAEMON_SECRET": "short"}, {"KTX_DAEMON_STRICT": "1"}])
def test_says_what_is_wrong_with_what_it_was_given(environment: dict[str, str]) -> None:
    with pytest.raises(SecretError, match="KTX_DAEMON_"):
        take_secret(environment)
