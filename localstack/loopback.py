"""Starts LocalStack, whose default server listens on all addresses whatever it is told, on loopback."""

import functools

from twisted.internet import endpoints

endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")

from localstack.runtime.main import main  # noqa: E402 (it takes the endpoint along)

main()
