"""Chinese, as people on call in China write to one another. Read by `healer.notification.wording`.

Punctuation is full width, as Chinese has it: for people it is not the Latin mark that it resembles.
"""

from healer.changes.wording import Phrases
from healer.notification.own import Trouble
from healer.notification.tongue import Tongue

_LINES = {
    "no name": "（没有 alertname）",
    "suspected": "{start}怀疑 {node}",
    "down": " 宕机",
    "place": "{full}，{place}",
    "where": "{name}，位于 {node}",
    "beneath": "{name}，位于 {node}，上级 {beneath}",
    "no labels": "没有其他标签",
    "likeliest": "{count} 个候选中最可能的：{why}；其次 {second}",
    "changed": "变更：{change}",
    "more changes": "，另有 {count} 项",
    "since": "开始于 {at}",
    "left over": "（此前故障的遗留）",
    "back once": "；复发 1 次",
    "back": "；复发 {count} 次",
    "no others": "没有其他告警由它引起",
    "one other": "另有 1 条告警由它引起",
    "others": "另有 {count} 条告警由它引起",
    "said again": "第 {count} 次提醒：它仍在告警，被它抑制的告警也是",
    "flapping": "抖动：时好时坏。平稳后会再通知，在此之前不执行任何操作",
    "beside": "事件 {incident} 可以解释它，但仍单独通知",
    "blamed": "{who} 认为根因是 {node}，该节点自身没有告警",
    "named": "{who} 指定了这个根因",
    "confirmed": "{who} 确认了这个根因",
    "on it": "{who} 正在处理，自 {at}",
    "earlier deeds": "（更早的 {count} 次处置未显示）",
    "deed": "{at} {deed}{because}（规则 {rule}）",
    "because": "：{why}",
    "nothing done": "healer 尚未做任何处置。",
    "over": "{at} 结束，持续 {lasted}：{ended}",
    "closed by": "{who} 关闭了它，不论是否仍有告警",
    "ended it": "已结束",
    "seen well": "{ended}，此前 healer 已确认恢复",
    "not well": "未确认恢复：{ended}",
    "merged": "已并入事件 {incident}，请看那里。",
    "your turn": "请你处理：除非你批准或情况变化，healer 不会再尝试。",
    "storm": "这次告警风暴共产生 {opened} 个事件，其中 {left} 个未结束：",
    "in storm": "- {severity}：{title}",
    "more in storm": "- 另有 {count} 个：healer incidents list",
    "theirs merged": "{owners} 的严重告警现在归因于事件 {incident}。",
    "theirs over": "已结束。{owners} 的严重告警由它引起。",
    "theirs": "{owners} 的严重告警由它引起。",
    "theirs with": "{owners} 的严重告警由它引起，由 {who} 负责。",
    "called": "请处理：{matter}",
    "incident": "事件 ",
    "trace": " 跟踪 ",
    "more": "查看全文",
}

CHINESE = Tongue(
    states={"broken": "故障", "healing": "自愈中", "healed": "已自愈", "needs you": "待你处理", "over": "已结束"},
    severities={"critical": "严重", "error": "错误", "warning": "警告", "info": "信息"},
    deeds={
        "planned": "即将执行：{what}",
        "waiting": "等待执行：{what}",
        "awaiting_approval": "请批准执行：{what}",
        "locked": "即将执行：{what}",
        "executing": "正在执行：{what}",
        "verifying": "已执行：{what}。正在验证是否有效",
        "undoing": "正在回退：{what}",
        "observed": "本应执行：{what}。该规则只观察，未执行",
        "suggested": "建议：{what}。未执行",
        "succeeded": "已执行：{what}。有效",
        "failed": "失败：{what}",
        "not_verified": "已执行：{what}。未见好转",
        "undone": "已回退：{what}",
        "refused": "未执行：{what}。被拒绝",
        "rejected": "未执行：{what}。有人否决",
        "expired": "未执行：{what}。无人及时批准",
        "cancelled": "已取消：{what}",
        "superseded": "不再需要：{what}",
        "handed_over": "待你处理：{what}",
    },
    ended={
        "sent": "Prometheus 报告已恢复",
        "expired": "上报者已沉默",
        "vanished": "Alertmanager 已不再记得它",
        "superseded": "它所指的对象已不存在",
        "person": "有人关闭了它",
    },
    troubles={
        "no input": Trouble(
            "healer 收不到任何告警",
            "已有数分钟没有告警也没有 Watchdog：Prometheus 或 Alertmanager 已停止，或无法连到 healer。"
            "此时的故障 healer 不会通知任何人，请自己查看 Prometheus。",
        ),
        "reconciliation": Trouble(
            "大量告警将消失",
            "Alertmanager 不再记得大部分未结束的告警。没有因此结束任何告警；请检查它是否失去了 Prometheus。",
        ),
        "storm": Trouble(
            "告警风暴：多处同时故障",
            "同时故障太多，在此合并通知；严重的仍单独通知。除写有 allow: storm 的规则外，不为它们执行任何操作。",
        ),
        "reload": Trouble(
            "改动的文件被拒绝",
            "配置、拓扑文件或规则有错误，或规则未通过自己的测试。之前的继续生效，但重启会遇到同样的错误："
            "healer check 会指出位置。",
        ),
        "quarantine": Trouble(
            "healer 跳过了一条记录",
            "日志中有一条记录无法处理而被跳过，可能缺少告警。这是 healer 的缺陷：请连同 healer doctor 的输出一起报告。",
        ),
        "remediation overdue": Trouble(
            "一次处置没有结束",
            "有处置超过期限，或有操作结果不明。healer 的日志写明了是哪一个，`healer remediations` 可以查看；"
            "在弄清之前不再操作其目标。",
        ),
        "request too large": Trouble(
            "请求过大",
            "有请求超过 server.max_body 而被拒绝，其中的告警没有收到。请发送更小的批次，或提高上限。",
        ),
        "topology": Trouble(
            "拓扑来源 {what} 失败",
            "无法读取，或一次丢失太多而不可信。沿用它上次的内容，因此根因可能缺失或过时；详见 `healer topology show`。",
        ),
        "suspended": Trouble(
            "一条规则被暂停",
            "它多次无效：{what}。不再在那里执行。查明原因后用 `healer resume` 恢复；`healer pause` 列出已暂停的内容。",
        ),
        "": Trouble("healer：{what}", "healer 自身有问题：请运行 healer doctor。"),
    },
    changes=Phrases(
        sentence="{repo} {when}{done}（{which}）",
        before="{ago} 前",
        just="刚刚",
        done={"pushed": "有推送", "running": "正在部署", "succeeded": "已部署", "failed": "部署失败"},
        to="{done}到 {env}",
        by="由 {actor}",
    ),
    lines=_LINES,
)
