"""What the page of devices says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hall.words import Language

CameraState = Literal["live", "connecting", "lost", "ended", "unheard"]


@dataclass(frozen=True, slots=True)
class FleetWords:
    """Every text of the page in one language."""

    title: str
    well: str
    well_more: str
    needs: str
    boxes: str
    cameras: str
    floor: str
    box: str
    camera: str
    state: str
    version: str
    heard: str
    outbox: str
    outbox_rows: str
    thinned: str
    load: str
    missed: str
    unknown: str
    unknown_more: str
    fault: str
    lag: str
    fps: str
    skipped: str
    drops: str
    reconnects: str
    versions: str
    none: str
    never: str
    camera_state: Mapping[CameraState, str]
    overloaded: str
    waiting: str
    refused: str
    much_unknown: str
    records_away: str
    main_fails: str
    sub_fails: str
    per_place: str
    check: str


FLEET_WORDS: Mapping[Language, FleetWords] = {
    "zh": FleetWords(
        title="设备状态",
        well="全部正常",
        well_more="{boxes} 台边缘盒、{cameras} 路摄像机，没有需要处理的问题",
        needs="需要处理（{count}）",
        boxes="边缘盒",
        cameras="摄像机",
        floor="楼层",
        box="边缘盒",
        camera="摄像机",
        state="状态",
        version="版本",
        heard="最近消息",
        outbox="待发消息",
        outbox_rows="{count} 条",
        thinned="已丢弃 {count} 条遥测",
        load="负载",
        missed="漏分析",
        unknown="今日未知",
        unknown_more="平均每个窗口或区域无法判断的时间，及其占比",
        fault="故障",
        lag="画面延迟",
        fps="分析帧率",
        skipped="静止跳过",
        drops="丢帧",
        reconnects="重连",
        versions="边缘盒版本不一致：{versions}",
        none="–",
        never="从未",
        camera_state={
            "live": "正常",
            "connecting": "连接中",
            "lost": "无画面",
            "ended": "已结束",
            "unheard": "无消息",
        },
        overloaded="过载，{percent}% 的画面未分析",
        waiting="{count} 条消息尚未发出，请检查到服务器的网络",
        refused="配置未被接受：{error}",
        much_unknown="今日 {share}% 的时间无法判断",
        records_away="暂时读不到记录，以下为上一次读到的数据",
        main_fails="主码流读取失败，改用子码流",
        sub_fails="子码流读取失败，改用主码流",
        per_place="{duration}（{share}%）",
        check="需检查",
    ),
    "en": FleetWords(
        title="Devices",
        well="All is well",
        well_more="{boxes} boxes and {cameras} cameras, nothing needs anybody",
        needs="Needs somebody ({count})",
        boxes="Edge boxes",
        cameras="Cameras",
        floor="Floor",
        box="Box",
        camera="Camera",
        state="State",
        version="Version",
        heard="Last heard",
        outbox="Waiting to be sent",
        outbox_rows="{count}",
        thinned="{count} of telemetry given up",
        load="Load",
        missed="Not analysed",
        unknown="Unknown today",
        unknown_more="Time in which nothing could be known, mean of its windows and zones, and its share",
        fault="Fault",
        lag="Picture age",
        fps="Analysed",
        skipped="Nothing moved",
        drops="Dropped",
        reconnects="Reconnects",
        versions="Boxes run different versions: {versions}",
        none="–",
        never="never",
        camera_state={
            "live": "live",
            "connecting": "connecting",
            "lost": "no picture",
            "ended": "ended",
            "unheard": "not heard",
        },
        overloaded="overloaded: {percent} % of the frames are not looked at",
        waiting="{count} messages wait to be sent: check the network to the server",
        refused="it refused its configuration: {error}",
        much_unknown="nothing was known for {share} % of today",
        records_away="The records cannot be read at the moment; these are the last figures read",
        main_fails="main stream fails, substream is read",
        sub_fails="substream fails, main stream is read",
        per_place="{duration} ({share} %)",
        check="to be checked",
    ),
}
