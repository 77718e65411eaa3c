"""SMS: signatures, what an answer means, and what fits into a template's variable."""

import json
from typing import Any

import pytest

from notifiers import sms_aliyun, sms_tencent, sms_twilio
from notifiers.clock import SECOND
from notifiers.exchange import Reply
from notifiers.message import Ambiguous, Answer, Message, Ok, Permanent, RateLimited, Reason, Told, Transient
from notifiers.secret import Secret
from notifiers.sms import HOUR, Telephone, limits, title_of
from notifiers.sms_aliyun import canonical_query, signed_headers
from notifiers.sms_tencent import authorization

NOW_S = 1_700_000_000


def test_aliyuns_signature() -> None:
    """ACS3-HMAC-SHA256 over the query that is sent."""
    query = canonical_query(
        {"TemplateParam": '{"a":"b c"}', "TemplateCode": "SMS_1", "SignName": "演示", "PhoneNumbers": "13800000000"}
    )
    headers = signed_headers("AK", Secret("AKSdemo"), "dysmsapi.aliyuncs.com", query, NOW_S * SECOND, "n1")
    signature = "f5df629b5a307cc78e99992ca010d6d20109bcd690d774460456273d9197fdbc"
    assert headers["Authorization"].endswith(f"Signature={signature}")


def test_tencents_signature() -> None:
    """TC3-HMAC-SHA256, its date in UTC from the same instant."""
    body = (
        b'{"PhoneNumberSet":["+8613800000000"],"SmsSdkAppId":"1400000000","TemplateId":"1110","SignName":"demo",'
        b'"TemplateParamSet":["a"]}'
    )
    said = authorization("AKID", Secret("SKdemo"), "sms.tencentcloudapi.com", body, NOW_S)
    signature = "09d8f8fef9a64f2e766f7f7651b60d1f904c8f37bacba36deb9b1f0f32b132c2"
    assert said == (
        "TC3-HMAC-SHA256 Credential=AKID/2023-11-14/sms/tc3_request, SignedHeaders=content-type;host, "
        f"Signature={signature}"
    )


def aliyun(code: str, said: str = "", status: int = 200) -> Answer:
    body = json.dumps({"Code": code, "Message": said, "RequestId": "1"}).encode()
    return sms_aliyun.interpret(Reply(status, "", body), "ops")


def tencent(code: str, *, whole: bool = False) -> Answer:
    problem = {"Code": code, "Message": "said"}
    response: dict[str, Any] = {"Error": problem} if whole else {"SendStatusSet": [{**problem, "SerialNo": "1:2"}]}
    return sms_tencent.interpret(Reply(200, "", json.dumps({"Response": response}).encode()), "ops")


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"), 60 * SECOND),
        (aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5"), HOUR),
        (aliyun("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10"), 6 * HOUR),
        (aliyun("isv.DAY_LIMIT_CONTROL"), 6 * HOUR),
        (tencent("LimitExceeded.PhoneNumberThirtySecondLimit"), 30 * SECOND),
        (tencent("LimitExceeded.PhoneNumberOneHourLimit"), HOUR),
        (tencent("LimitExceeded.PhoneNumberDailyLimit"), 6 * HOUR),
        (tencent("LimitExceeded.AppDailyLimit", whole=True), 6 * HOUR),
        (tencent("RequestLimitExceeded", whole=True), 5 * SECOND),
    ],
)
def test_a_throttle_says_for_how_long(answer: Answer, wait: int) -> None:
    """The window that was used up decides how long to wait."""
    assert isinstance(answer, RateLimited)
    assert answer.retry_after == wait


@pytest.mark.parametrize(
    "answer",
    [aliyun("isp.SYSTEM_ERROR"), aliyun("Throttling.User", status=400), tencent("InternalError.Timeout", whole=True)],
)
def test_their_trouble_is_temporary(answer: Answer) -> None:
    assert isinstance(answer, Transient)


@pytest.mark.parametrize(
    ("answer", "reason", "disable"),
    [
        (aliyun("isv.MOBILE_NUMBER_ILLEGAL"), Reason.CHAT_NOT_FOUND, True),
        (tencent("FailedOperation.PhoneNumberInBlacklist"), Reason.CHAT_NOT_FOUND, True),
        (aliyun("isv.PARAM_NOT_SUPPORT_URL"), Reason.BAD_MESSAGE, False),
        (tencent("FailedOperation.ContainSensitiveWord"), Reason.BAD_MESSAGE, False),
        (aliyun("isv.AMOUNT_NOT_ENOUGH"), Reason.UNAUTHORIZED, True),
        (aliyun("SignatureDoesNotMatch", status=400), Reason.UNAUTHORIZED, True),
        (tencent("AuthFailure.SignatureFailure", whole=True), Reason.UNAUTHORIZED, True),
        (tencent("FailedOperation.InsufficientBalanceInSmsPackage"), Reason.UNAUTHORIZED, True),
    ],
)
def test_what_trying_again_does_not_mend(answer: Answer, reason: Reason, disable: bool) -> None:
    """The telephone, the message or the account is wrong."""
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.disable) == (reason, disable)


def test_accepted_is_accepted() -> None:
    assert isinstance(aliyun("OK"), Ok)
    assert isinstance(tencent("Ok"), Ok)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("[CRIT broken] rack r17 down, cn-1 and more", "[CRIT broken] rack r17 down, cn-1 a"),
        ("see https://evil.example/x", "see evil.example/x"),
        ("🔥" * 30, "🔥" * 17),
        ("\x00", "-"),
    ],
)
def test_a_title_fits_into_a_variable(title: str, shown: str) -> None:
    """Short, readable, on whole characters, and without addresses, which would be refused."""
    assert title_of(Message(title), 35) == shown


def test_caps_are_per_telephone() -> None:
    """Two channels to one telephone share its caps; another telephone has its own."""
    one = limits("aliyun", Telephone(number="+8613800000000", most_per_hour=2), 35)
    assert [(rate.most, rate.within) for rate in one.rates] == [(2, HOUR), (10, 24 * HOUR)]
    assert one.rates == limits("aliyun", Telephone(number="+8613800000000", most_per_hour=2), 35).rates
    assert one.rates != limits("aliyun", Telephone(number="+8613800000001", most_per_hour=2), 35).rates


@pytest.mark.parametrize("number", ["13800000000", "+86 138", "+0123456789", ""])
def test_a_number_has_its_country(number: str) -> None:
    with pytest.raises(ValueError, match=r"\+8613800000000"):
        Telephone(number=number)


def twilio(status: int, code: int | None = None, **said: Any) -> Answer:
    return sms_twilio.interpret(
        Reply(status, "7", json.dumps({"code": code, "message": "said", **said}).encode()), "ops"
    )


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        (twilio(201, sid="SM1", error_code=None), Ok(Told("SM1", "ops"))),
        (twilio(429, 20429), RateLimited(7 * SECOND, why="20429 said")),
        (twilio(400, 21611), RateLimited(HOUR, why="21611 said")),
        (twilio(400, 21211), Permanent(why="21211 said", reason=Reason.CHAT_NOT_FOUND, disable=True)),
        (twilio(400, 21610), Permanent(why="21610 said", reason=Reason.CHAT_NOT_FOUND, disable=True)),
        (twilio(401, 20003), Permanent(why="20003 said", reason=Reason.UNAUTHORIZED, disable=True)),
        (twilio(400, 21617), Permanent(why="21617 said", reason=Reason.BAD_MESSAGE)),
        (twilio(500, 20500), Transient(why="20500 said", reason=Reason.SERVER_ERROR)),
        (sms_twilio.interpret(Reply(200, "", b"<html>"), "ops"), Ambiguous),
    ],
)
def test_twilios_answers(answer: Answer, means: object) -> None:
    """Row by row of its table of error codes; a page from something on the way may hide a message that was sent."""
    assert isinstance(answer, means) if isinstance(means, type) else answer == means
