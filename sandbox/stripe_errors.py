"""
What the sandbox's Stripe refuses, as one exception in the provider's own words.

https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes
"""

from http import HTTPStatus
from typing import Any


class StripeRefusal(Exception):  # noqa: N818 - a refusal is what it is; the library calls its own an error
    """
    A request that Stripe answers with an error object.

    Attributes:
        status: the HTTP status.
        kind: the error's `type`, such as `invalid_request_error`.
        message: for people.
        code: the error's `code`, or empty.
        param: the parameter at fault in Stripe's spelling (`line_items[0][price]`), or empty.
        facts: further keys of the error object, such as `decline_code`.

    """

    def __init__(
        self,
        message: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        kind: str = "invalid_request_error",
        code: str = "",
        param: str = "",
        **facts: Any,
    ) -> None:
        super().__init__(message)
        self.status = int(status)
        self.kind = kind
        self.message = message
        self.code = code
        self.param = param
        self.facts = facts

    @property
    def stored(self) -> bool:
        """
        Whether an idempotency key keeps this answer.

        Refused parameters leave no trace, answers of a request that began to run do.
        https://docs.stripe.com/api/idempotent_requests
        """
        return self.status == HTTPStatus.PAYMENT_REQUIRED or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    def body(self) -> dict[str, Any]:
        """Return the error object as it is sent."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://docs.stripe.com/error-codes#{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": error | self.facts}


def missing(param: str) -> StripeRefusal:
    """Return the refusal of a request without a parameter that it needs."""
    return StripeRefusal(f"Missing required param: {param}.", code="parameter_missing", param=param)


def no_such(kind: str, object_id: str, *, param: str = "") -> StripeRefusal:
    """Return the refusal of an id that names nothing: 404 in the path, 400 in a parameter."""
    return StripeRefusal(
        f"No such {kind}: '{object_id}'",
        status=HTTPStatus.BAD_REQUEST if param else HTTPStatus.NOT_FOUND,
        code="resource_missing",
        param=param or "id",
    )


def not_simulated(what: str, *, param: str = "") -> StripeRefusal:
    """Return the refusal of something real Stripe does and this sandbox does not."""
    return StripeRefusal(f"The sandbox does not simulate {what}.", code="sandbox_not_simulated", param=param)
