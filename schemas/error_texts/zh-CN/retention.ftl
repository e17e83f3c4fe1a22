# 保存期限：类别、事实、延长。

DG-RET-001 = 规则中没有这一类档案的保存期限。
    .next-step = 请在规则手册的 retention.years_by_class 和 basis_by_class 中加入该类别，或使用其他目的。
DG-RET-002 = 这不是保存期限起算的事件，或其日期尚未到来。
    .next-step = 请使用括号内的事件，日期不得在将来。
DG-RET-003 = 无法读取事实文件。
    .next-step = 请提供 UTF-8 编码的 CSV 文件，列为 subject、event、day（2026-01-31）和 evidence。
DG-RET-004 = 延长的截止日期已经过去。
    .next-step = 请用 --until 给出更晚的日期。
DG-RET-005 = 要试看的规则文件不成立。
    .next-step = 请改正所指之处；它应是方案的规则文件，含有 retention 表。
DG-RET-006 = 该客户没有可以撤回的这一事实。
    .next-step = 请核对客户与事件；已经撤回的事实无需再处理。
