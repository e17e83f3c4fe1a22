"""Use (使用): reads of one record, of its past and its attachments, of many records, and searches, all under grants."""
