"""Names and types of the published topics."""

from __future__ import annotations

DEPTH, INFO = 'depth/image_rect', 'depth/camera_info'
POINTS, CLEARING = 'points', 'points_clearing'
DISPARITY, CONFIDENCE = 'depth/disparity', 'depth/confidence'
COLORED, ALIGNED = 'depth/image_color', 'depth/color_rect'
IMAGE_TYPE, CLOUD_TYPE = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/PointCloud2'
# Message type by topic, in the order of publishing: camera_info precedes its image.
OUTPUTS = {
    INFO: 'sensor_msgs/msg/CameraInfo',
    DEPTH: IMAGE_TYPE,
    DISPARITY: 'stereo_msgs/msg/DisparityImage',
    CONFIDENCE: IMAGE_TYPE,
    COLORED: IMAGE_TYPE,
    ALIGNED: IMAGE_TYPE,
    POINTS: CLOUD_TYPE,
    CLEARING: CLOUD_TYPE,
}
# Topics that a model without confidence does not have.
NEED_CONFIDENCE = (CONFIDENCE, CLEARING)
