"""Reasons why images do not arrive on a topic, with what to do, from the ROS graph."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import qos_check_compatible, QoSCompatibility, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rclpy.utilities import get_rmw_implementation_identifier
from sensor_msgs.msg import CompressedImage

from monodepth_ros.messages.image_topics import COMPRESSED, IMAGE_TYPES


def why_silent(node: Node, images: Subscription, name: str) -> str:
    """
    Return the most likely reason why no image arrives.

    node: the node.
    images: the subscription.
    name: relative name of the image topic.
    """
    topic = images.topic_name
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        ours = dict(node.get_publisher_names_and_types_by_node(*_full_name(node)))
        found = [
            topic
            for topic, types in node.get_topic_names_and_types()
            if set(IMAGE_TYPES) & set(types) and node.count_publishers(topic) and topic not in ours
        ]
        return (
            f'nobody publishes {topic}; name the topic with `-r {name}:=...`. Image topics now: '
            f'{", ".join(found) or "none"}'
        )
    return _why_refused(images, publishers[0]) or (
        f'{topic} is published, but no image arrives. {lost_remedy(node, images)}'
    )


def lost_remedy(node: Node, images: Subscription) -> str:
    """Return what to do if large images are lost between the driver and this subscription."""
    topic, reliable = images.topic_name, ReliabilityPolicy.RELIABLE
    offered = [p.qos_profile.reliability for p in node.get_publishers_info_by_topic(topic)]
    if offered == [reliable] and images.qos_profile.reliability != reliable:
        remedy = f'the driver can repeat them: `-p {_override(topic)}reliability:=reliable`'
    else:
        remedy = transport_remedy(get_rmw_implementation_identifier())
        if images.msg_type is not CompressedImage:
            remedy += ', or use image_transport:=compressed'
    return f'If large images are lost on the way, {remedy}'


def transport_remedy(rmw: str) -> str:
    """Return what to do for large images with this RMW implementation, for driver and node."""
    if rmw.startswith('rmw_fastrtps'):
        return 'start the driver and this node with our Fast DDS profile (docs/transport.md)'
    return f'set up {rmw} for large images, for the driver and this node (docs/transport.md)'


def have_one_publisher(node: Node, *topics: str) -> bool:
    """Return whether one node alone publishes all of these topics."""
    publishers = {
        tuple((p.node_namespace, p.node_name) for p in node.get_publishers_info_by_topic(topic))
        for topic in topics
    }
    return len(publishers) == 1 and len(publishers.pop()) == 1


def _full_name(node: Node) -> tuple[str, str]:
    return node.get_name(), node.get_namespace()


def _why_refused(images: Subscription, publisher: TopicEndpointInfo) -> str | None:
    topic, wanted = images.topic_name, f'sensor_msgs/msg/{images.msg_type.__name__}'
    if publisher.topic_type != wanted:
        return (
            f'{topic} carries {publisher.topic_type}, expected {wanted}; name another topic: '
            f'compressed images are taken from topics that end with {COMPRESSED}'
        )
    verdict, reason = qos_check_compatible(publisher.qos_profile, images.qos_profile)
    if verdict == QoSCompatibility.ERROR:
        return (
            f'{topic} has an incompatible QoS ({reason.strip()}); leave out the parameters '
            f'{_override(topic)}*, because best effort receives from all publishers'
        )
    return None


def _override(topic: str) -> str:
    return f'qos_overrides.{topic}.subscription.'
