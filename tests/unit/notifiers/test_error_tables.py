"""Each row of each provider's table of error codes: whether it is tried again, and whom it condemns."""

import json
from collections.abc import Callable

import pytest

from notifiers import dingtalk, feishu, feishu_app_calls, slack, sms_aliyun, sms_tencent, wecom, wecom_app_calls
from notifiers.exchange import Reply
from notifiers.message import Answer, Ok, Permanent, RateLimited, Reason, Told, Transient
from notifiers.robot import Codes, interpret

Reads = Callable[[str], Answer]


def robot(codes: Codes, code: str, name: str = "errcode") -> Answer:
    return interpret(Reply(200, "", json.dumps({name: int(code), "errmsg": "said"}).encode()), codes, Told("1"))


def aliyun(code: str) -> Answer:
    status = 200 if code.startswith(("isv.", "isp.", "OK")) else 400
    return sms_aliyun.interpret(Reply(status, "", json.dumps({"Code": code, "Message": "said"}).encode()), "ops")


def tencent(code: str) -> Answer:
    said = {"SendStatusSet": [{"Code": code, "Message": "said", "SerialNo": "1"}]}
    return sms_tencent.interpret(Reply(200, "", json.dumps({"Response": said}).encode()), "ops")


def tencent_whole(code: str) -> Answer:
    said = {"Error": {"Code": code, "Message": "said"}}
    return sms_tencent.interpret(Reply(200, "", json.dumps({"Response": said}).encode()), "ops")


def slack_says(error: str) -> Answer:
    said = {"ok": True, "ts": "1.1", "channel": "C1"} if error == "ok" else {"ok": False, "error": error}
    return slack.interpret(Reply(200, "", json.dumps(said).encode()))


READS: dict[str, Reads] = {
    "wecom": lambda code: robot(wecom.CODES, code),
    "wecom_app": lambda code: robot(wecom_app_calls.CODES, code),
    "feishu": lambda code: robot(feishu.CODES, code, "code"),
    "feishu_app": lambda code: robot(feishu_app_calls.CODES, code, "code"),
    "dingtalk": lambda code: robot(dingtalk.CODES, code),
    "slack": slack_says,
    "aliyun": aliyun,
    "tencent": tencent,
    "tencent as a whole": tencent_whole,
}
TABLES: dict[str, dict[str, str]] = {
    "ok": {
        "wecom": "0",
        "wecom_app": "0",
        "feishu": "0",
        "feishu_app": "0",
        "dingtalk": "0",
        "slack": "ok",
        "aliyun": "OK",
        "tencent": "Ok",
    },
    "busy, not sick": {
        "wecom": "45009 45033",
        "wecom_app": "45009 45033",
        "feishu": "11232 99991400",
        "feishu_app": "99991400 230020 11232",
        "dingtalk": "130101",
        "slack": "ratelimited rate_limited",
        "aliyun": "isv.BUSINESS_LIMIT_CONTROL isv.DAY_LIMIT_CONTROL isv.MONTH_LIMIT_CONTROL",
        "tencent": "LimitExceeded.PhoneNumberThirtySecondLimit LimitExceeded.PhoneNumberOneHourLimit "
        "LimitExceeded.PhoneNumberDailyLimit LimitExceeded.PhoneNumberSameContentDailyLimit "
        "LimitExceeded.DeliveryFrequencyLimit LimitExceeded.DailyLimit",
        "tencent as a whole": "RequestLimitExceeded RequestLimitExceeded.UinLimitExceeded LimitExceeded.AppDailyLimit "
        "LimitExceeded.AppMainlandChinaDailyLimit",
    },
    "later": {
        "wecom": "-1 6000",
        "wecom_app": "-1 6000 40014 42001 41001",
        "feishu_app": "99991661 99991663 99991664 99991668 99991671",
        "dingtalk": "-1",
        "slack": "internal_error service_unavailable request_timeout fatal_error",
        "aliyun": "isp.SYSTEM_ERROR isp.RAM_PERMISSION_DENY Throttling Throttling.User ServiceUnavailable InternalError",
        "tencent": "InternalError InternalError.SendAndRecvFail",
        "tencent as a whole": "InternalError InternalError.Timeout",
    },
    "the target": {
        "wecom": "93000",
        "wecom_app": "40001 40013 40056 40003 40031 81013 48002 60020 301002",
        "feishu": "19001 19021 19022",
        "feishu_app": "10003 10014 99991672 230002 230006 230013 234007",
        "dingtalk": "310000 300001",
        "slack": "channel_not_found not_in_channel is_archived invalid_auth account_inactive token_revoked",
        "aliyun": "isv.AMOUNT_NOT_ENOUGH isv.OUT_OF_SERVICE isv.MOBILE_NUMBER_ILLEGAL isv.MOBILE_COUNT_OVER_LIMIT "
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED isv.BLACK_KEY_CONTROL_LIMIT isv.SMS_TEMPLATE_ILLEGAL "
        "isv.SMS_SIGNATURE_ILLEGAL isv.ACCOUNT_NOT_EXISTS isv.ACCOUNT_ABNORMAL isv.PRODUCT_UNSUBSCRIBE "
        "isv.DENY_IP_RANGE SignatureDoesNotMatch InvalidTimeStamp.Expired InvalidAccessKeyId.NotFound",
        "tencent": "FailedOperation.InsufficientBalanceInSmsPackage FailedOperation.PhoneNumberInBlacklist "
        "InvalidParameterValue.IncorrectPhoneNumber FailedOperation.SignatureIncorrectOrUnapproved "
        "FailedOperation.TemplateIncorrectOrUnapproved",
        "tencent as a whole": "AuthFailure.SignatureFailure UnauthorizedOperation.RequestPermissionDeny",
    },
    "the message": {
        "wecom": "40008 40033 40035 40058 44004 45002",
        "wecom_app": "40008 40033 40035 40058 44004 45002",
        "feishu": "9499 19002 19024 19036",
        "feishu_app": "230001 230025 230099 234001 234006 234010 234011",
        "slack": "msg_too_long invalid_blocks",
        "aliyun": "isv.TEMPLATE_MISSING_PARAMETERS isv.INVALID_PARAMETERS isv.INVALID_JSON_PARAM isv.PARAM_LENGTH_LIMIT "
        "isv.PARAM_NOT_SUPPORT_URL",
        "tencent": "FailedOperation.ContainSensitiveWord InvalidParameterValue.TemplateParameterFormatError",
    },
}


def class_of(answer: Answer) -> str:
    match answer:
        case Ok():
            return "ok"
        case RateLimited():
            return "busy, not sick"
        case Transient():
            return "later"
        case Permanent(disable=True):
            return "the target"
        case Permanent(reason=Reason.BAD_MESSAGE):
            return "the message"
    return repr(answer)


@pytest.mark.parametrize("means", TABLES)
def test_each_code_means_what_its_provider_says(means: str) -> None:
    """The same five meanings for all, since on these depend back-off, breaker, fallback and the list of dead letters."""
    found = {(who, code): class_of(READS[who](code)) for who, codes in TABLES[means].items() for code in codes.split()}
    assert {row: read for row, read in found.items() if read != means} == {}


def test_a_card_of_feishu_that_is_gone_is_told_anew() -> None:
    """One that was taken back, or is older than 14 days: only the edit is impossible."""
    for code in (230011, 230031, 230110):
        assert code in feishu_app_calls.GONE
        assert Permanent("", feishu_app_calls.GONE[code]).send_anew


def test_what_a_text_says_may_count_more_than_its_code() -> None:
    """A code that stands for two things condemns nobody by mistake."""
    too_long = {"errcode": 93000, "errmsg": "Invalid input : content exceed max length."}
    too_many = {"code": 9499, "msg": "Too Many Request"}
    for codes, said, means in ((wecom.CODES, too_long, "the message"), (feishu.CODES, too_many, "busy, not sick")):
        assert class_of(interpret(Reply(200, "", json.dumps(said).encode()), codes, Told("1"))) == means
