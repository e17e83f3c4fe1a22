"""Detections: rules as data (policies/detections) over the audit stream, and the alerts they give."""
