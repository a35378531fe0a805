"""Checks of a camera's image headers: age, frame and stamps, and how many images are lost."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.subscription import Subscription
from std_msgs.msg import Header

from monodepth_ros.messages.decode import NS_PER_S, stamp_ns
from monodepth_ros.pipeline.arrivals import Arrivals, WINDOW_S
from monodepth_ros.pipeline.header_remarks import age_remarks, frame_remarks, is_plausible
from monodepth_ros.ros.qos import is_latched
from monodepth_ros.ros.silent_topic import have_one_publisher, lost_remedy

# Smallest fraction of images that must arrive; below it there is a warning.
MIN_FRACTION = 0.8


class ImageWatch:
    """The arrivals of one camera's images and camera_info, from the start of its subscription."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._arrivals = Arrivals()
        self._arriving = self._arrivals.arriving(infos_of_images=False)
        self._info_topic: str | None = None
        self._last: tuple[Header, int] | None = None

    def image(self, header: Header) -> float | None:
        """Count an image; return its age in s, None if its stamp and the clock do not agree."""
        stamp, now_ns = stamp_ns(header), self._node.get_clock().now().nanoseconds
        self._arrivals.image(stamp)
        age_s = (now_ns - stamp) / NS_PER_S
        self._last = header, now_ns
        return max(age_s, 0.0) if is_plausible(age_s) else None

    def info(self, stamp: int) -> None:
        """Count a camera_info by its stamp in ns."""
        self._arrivals.info(stamp)

    def remarks(self, images: Subscription, info_topic: str | None) -> list[str]:
        """
        Return what is wrong with the images that came; call it every second.

        info_topic: topic of their camera_info; None without one.
        """
        found = []
        self._info_topic = info_topic
        if self._last is not None:
            header, now_ns = self._last
            found = frame_remarks(header.frame_id) + age_remarks(stamp_ns(header), now_ns)
            self._last = None
        return found + self._loss_remarks(images, info_topic)

    @property
    def facts(self) -> dict[str, str]:
        """Return figures by name, as of the last remarks."""
        fraction, reason = self._arriving
        arrive = f'unknown: {reason}' if fraction is None else f'{100 * fraction:.0f}'
        facts = {'images that arrive (%)': arrive}
        if self._info_topic is not None:
            facts['camera_info (Hz)'] = self._info_rate(self._info_topic)
        return facts

    def _info_rate(self, topic: str) -> str:
        info_hz = self._arrivals.info_hz
        return 'latched' if not info_hz and is_latched(self._node, topic) else f'{info_hz:.1f}'

    def _loss_remarks(self, images: Subscription, info_topic: str | None) -> list[str]:
        infos_of_images = info_topic is not None and have_one_publisher(
            self._node, images.topic_name, info_topic
        )
        self._arriving = self._arrivals.arriving(infos_of_images=infos_of_images)
        fraction, reason = self._arriving
        if fraction is None or fraction >= MIN_FRACTION:
            return []
        return [
            f'only {100 * fraction:.0f} % of the images of the last {WINDOW_S:.0f} s arrived, '
            f'expected at least {100 * MIN_FRACTION:.0f} %: {reason}. '
            f'{lost_remedy(self._node, images)}; if that is done, this machine is too busy'
        ]
