"""Sharing (共享): application, opinions and approvals, delivery, receipt, recall, confirmed deletion (SHR-01 to 12)."""
