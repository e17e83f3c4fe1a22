"""Use (使用): application, opinions and approvals, grant, return (clauses USE-01 to 05, 08, 10 to 13, 17, STO-17)."""
