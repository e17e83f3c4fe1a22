# 整理：客户类别、档案编号、索引、纸质档案、分户档案。

DG-ARR-001 = 档案没有写明客户的类别。
    .next-step = 请填写 intake.customer 的 type、business_type 和 segment。
DG-ARR-002 = 规则手册中没有这个词。
    .next-step = 请使用括号内的词，或在规则手册的 segment 表中加入您的词。
DG-ARR-003 = 档案编号不符合本档案的编号规则。
    .next-step = 请与 arrange.code_template 核对；编号由此命令给出：dangan archive number。
DG-ARR-004 = 这个档案编号属于另一份档案，或这份档案另有编号。
    .next-step = 请由 dangan archive number 编号：每个编号只用一次。
DG-ARR-005 = 有档案还没有档案编号。
    .next-step = 请给它编号：dangan archive number。没有客户类别的档案会在那里列出。
DG-ARR-006 = 机密或绝密档案在登入目录时没有标明密级。
    .next-step = 请在其目录条目的备注中写明密级。
DG-ARR-007 = 档案没有写明对应的纸质档案。
    .next-step = 请填写 intake.paper：纸质档案的编号；没有纸质档案则填 none。
DG-ARR-008 = 索引中没有这一条。
    .next-step = 请核对编号；新档案由此命令登入：dangan archive number。
DG-ARR-009 = 分户档案只收清单所列的资料，这一项不在其中。
    .next-step = 请在 intake.item 填写 arrange.household_papers 中的一项。
DG-ARR-010 = 无法为这份档案生成档案编号。
    .next-step = arrange.code_template 的每一项都必须已知，并且是编号可用的字母和数字。
