"""What the inbox says, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hall.views import AppealState, StepKind
from hall.words import Language
from ingest.desk import ActKind


@dataclass(frozen=True, slots=True)
class ActWords:
    """An act: its button, and the dialog that asks before it is done; `{…}` parts are filled in.

    Attributes:
        name: on the button, and what the dialog is called.
        about: what follows from it, and whether it can be taken back.
        done: said when it is done.
        note: above the note.
    """

    name: str
    about: str
    done: str
    note: str


@dataclass(frozen=True, slots=True)
class InboxWords:
    """Every text of the inbox in one language; `{…}` parts are filled in."""

    title: str
    ongoing: str
    appealed: str
    all: str
    status: str
    severity: str
    rule: str
    floor: str
    any: str
    listed: str
    none: str
    none_ongoing: str
    all_well: str
    newer: str
    older: str
    pages: str
    members: str
    choose: str
    unknown_incident: str
    unknown_why: str
    loading: str
    back: str
    records_away: str
    facts: str
    where: str
    box: str
    since: str
    lasted: str
    limit: str
    unseen: str
    unseen_none: str
    acknowledged: str
    nobody: str
    assigned: str
    escalated: str
    escalated_level: str
    ended: str
    closed: str
    label: str
    appeal: str
    appeals: Mapping[AppealState, str]
    figures: str
    what_to_do: str
    acts: Mapping[ActKind, ActWords]
    act_bar: str
    may_not: str
    to: str
    on_behalf_of: str
    verdict: str
    upheld: str
    rejected: str
    cancel: str
    needs_note: str
    optional: str
    picture: str
    picture_alt: str
    picture_none: str
    picture_wait: str
    picture_away: str
    again: str
    consequences: str
    cause: str
    history: str
    itself: str
    steps: Mapping[StepKind, str]
    opened_again: str
    told: str
    by_and_for: str


_ZH = InboxWords(
    title="事件",
    ongoing="进行中",
    appealed="申诉待定",
    all="全部",
    status="状态",
    severity="级别",
    rule="类型",
    floor="楼层",
    any="全部{name}",
    listed="事件列表",
    none="没有符合条件的事件",
    none_ongoing="目前没有进行中的事件",
    all_well="有新事件时会自动出现在这里",
    newer="较新",
    older="较早",
    pages="翻页",
    members="关联事件 {count} 起",
    choose="从左侧选择一个事件，查看经过并处理",
    unknown_incident="没有这个事件",
    unknown_why="它可能已超过保存期限而被清除，或不属于本大厅。",
    loading="正在读取…",
    back="返回列表",
    records_away="暂时读不到记录，以下为上一次读到的数据",
    facts="情况",
    where="地点",
    box="边缘盒",
    since="开始",
    lasted="持续",
    limit="时限",
    unseen="其中无法判断",
    unseen_none="无",
    acknowledged="处理人",
    nobody="尚无人处理",
    assigned="指派给",
    escalated="升级",
    escalated_level="第 {level} 级，{time}",
    ended="结束",
    closed="关闭",
    label="标记",
    appeal="申诉",
    appeals={"pending": "待裁定", "upheld": "成立，记为误报", "rejected": "不成立"},
    figures="详情",
    what_to_do="建议",
    acts={
        "acknowledge": ActWords("我来处理", "", "已记录：由您处理", ""),
        "assign": ActWords("指派", "指派后可随时改派。", "已指派", "留言"),
        "note": ActWords("备注", "备注会写入事件经过，写入后不能修改或删除。", "备注已写入", "备注"),
        "false_alarm": ActWords(
            "误报", "标记为误报后事件即关闭，证据图片长期保留。标记有误时可以撤销。", "已标记为误报", "说明"
        ),
        "unlabel": ActWords(
            "撤销误报", "撤销后证据图片按保存期限清理；仅因误报而关闭的事件重新打开。", "已撤销误报标记", "说明"
        ),
        "appeal": ActWords(
            "申诉", "代当事人提出异议，由管理人员裁定。每个事件只能申诉一次。", "申诉已提交", "申诉理由"
        ),
        "decide": ActWords("裁定申诉", "裁定后不能更改。申诉成立的，事件记为误报并关闭。", "已裁定", "裁定理由"),
        "close": ActWords(
            "关闭", "关闭表示事情已处理完毕，不再提醒，也不能重新打开；再次发生时会自动重新提醒。", "已关闭", "处理结果"
        ),
    },
    act_bar="可执行的操作",
    may_not="您可以查看；处理事件需要管理人员权限。",
    to="指派给",
    on_behalf_of="当事人（可不填，如“1号窗口”）",
    verdict="裁定",
    upheld="申诉成立",
    rejected="申诉不成立",
    cancel="取消",
    needs_note="事情还在继续，关闭时请写明原因。",
    optional="可不填",
    picture="证据图片",
    picture_alt="{subject} {rule} 时的现场画面，人物已模糊",
    picture_none="该事件没有图片。",
    picture_wait="正在向边缘盒调取图片…",
    picture_away="图片暂时无法调取。",
    again="重试",
    consequences="由此引起的事件",
    cause="起因",
    history="经过",
    itself="系统",
    steps={
        "opened": "发生",
        "worsened": "加重",
        "cleared": "解除",
        "escalated": "升级",
        "grouped": "并入起因事件",
        "ungrouped": "从起因事件分出",
        "acknowledged": "开始处理",
        "assigned": "指派",
        "noted": "备注",
        "false_alarm": "标记为误报",
        "unlabelled": "撤销误报标记",
        "appealed": "申诉",
        "decided": "裁定申诉",
        "closed": "关闭",
    },
    opened_again="第 {opening} 次发生",
    told="已通知 {names}",
    by_and_for="代 {name}",
)

_EN = InboxWords(
    title="Incidents",
    ongoing="Ongoing",
    appealed="Appealed",
    all="All",
    status="Status",
    severity="Severity",
    rule="Kind",
    floor="Floor",
    any="{name}: any",
    listed="List of incidents",
    none="No incident fits",
    none_ongoing="Nothing is wrong at the moment",
    all_well="New incidents appear here by themselves",
    newer="Newer",
    older="Older",
    pages="Pages",
    members="{count} related",
    choose="Choose an incident to see what happened and to deal with it",
    unknown_incident="There is no such incident",
    unknown_why="It may be older than what is kept, or of another hall.",
    loading="Loading …",
    back="Back to the list",
    records_away="The records cannot be read at the moment; these are the last figures read",
    facts="Facts",
    where="Where",
    box="Box",
    since="Began",
    lasted="Lasted",
    limit="Limit",
    unseen="Of it unseen",
    unseen_none="none",
    acknowledged="Seen to by",
    nobody="nobody yet",
    assigned="Assigned to",
    escalated="Escalated",
    escalated_level="to level {level}, {time}",
    ended="Ended",
    closed="Closed",
    label="Label",
    appeal="Appeal",
    appeals={"pending": "to be decided", "upheld": "upheld: a false alarm", "rejected": "rejected"},
    figures="Detail",
    what_to_do="To do",
    acts={
        "acknowledge": ActWords("I see to it", "", "Noted: you see to it", ""),
        "assign": ActWords("Assign", "It can be assigned to somebody else later.", "Assigned", "Message"),
        "note": ActWords(
            "Note", "A note becomes part of the history and can be neither changed nor removed.", "Noted", "Note"
        ),
        "false_alarm": ActWords(
            "False alarm",
            "This closes the incident and keeps its picture for good. A mistake can be taken back.",
            "Marked as a false alarm",
            "Why",
        ),
        "unlabel": ActWords(
            "No false alarm",
            "Its picture goes in time again, and an incident that was closed by this alone is open again.",
            "It is no false alarm any more",
            "Why",
        ),
        "appeal": ActWords(
            "Appeal",
            "Write down that somebody disagrees; a manager decides. An incident can be appealed once.",
            "Appeal noted",
            "Reason",
        ),
        "decide": ActWords(
            "Decide the appeal",
            "A decision cannot be changed. An appeal that is upheld makes a false alarm and closes the incident.",
            "Decided",
            "Reason",
        ),
        "close": ActWords(
            "Close",
            "It is dealt with: nobody is reminded any more. It cannot be opened by hand; if it happens again, it opens "
            "by itself.",
            "Closed",
            "What came of it",
        ),
    },
    act_bar="What can be done",
    may_not="You may look; dealing with incidents takes the role of manager.",
    to="Assign to",
    on_behalf_of="On behalf of (may be left out; such as “Window 1”)",
    verdict="Decision",
    upheld="Upheld",
    rejected="Rejected",
    cancel="Cancel",
    needs_note="It still goes on: please say why it is closed.",
    optional="optional",
    picture="Evidence",
    picture_alt="The place at the time of “{rule}”, {subject}; people are blurred",
    picture_none="This incident has no picture.",
    picture_wait="Asking the box for the picture …",
    picture_away="The picture cannot be had at the moment.",
    again="Try again",
    consequences="What it caused",
    cause="Cause",
    history="History",
    itself="By itself",
    steps={
        "opened": "Opened",
        "worsened": "Worsened",
        "cleared": "Cleared",
        "escalated": "Escalated",
        "grouped": "Put under its cause",
        "ungrouped": "On its own again",
        "acknowledged": "Seen to",
        "assigned": "Assigned",
        "noted": "Note",
        "false_alarm": "Marked as a false alarm",
        "unlabelled": "False alarm taken back",
        "appealed": "Appeal",
        "decided": "Appeal decided",
        "closed": "Closed",
    },
    opened_again="for the {opening}. time",
    told="told {names}",
    by_and_for="for {name}",
)

INBOX_WORDS: Mapping[Language, InboxWords] = {"zh": _ZH, "en": _EN}
