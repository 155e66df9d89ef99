"""Two first names that may be one person's: spelling, initials, and what people are called.

Matching people (``hub.domain.identity``) takes a name that is wholly another one as a sign of a
mistake, so "Peggy" for Margaret, "J" for Joan and "Mohamed" for Mohammed must not look like that.
"""

from functools import cache

_CALLED = """
alan al; albert bert bertie al; alexander alex alec sandy alasdair; alexandra alex sandra sandy
alfred alf alfie fred; andrew andy drew; anthony tony ant; antonia toni; arthur art
barbara babs barbie barb; barry baz; beatrice bea trixie; benjamin ben benny; bernard bernie
brenda bren; bridget bridie biddy brid
catherine katherine kathleen kate katie kathy cathy kath kay; charles charlie chas chuck
charlotte lottie charlie; christine christina chris chrissie tina; christopher chris kit topher
clifford clifton cliff; constance connie; daniel dan danny; david dave davy dai
deborah debbie deb; dennis den denny; derek del; desmond des; donald don donnie
dorothy dot dottie dolly dora; douglas doug; edward ed eddie ted teddy ned; edwin ed eddie
eileen ellie; eleanor ellie nell nellie nora; elizabeth liz lizzie beth betty bess
elizabeth betsy eliza elsie libby lisbet elspeth; emily em emmie; ernest ernie
esther essie hetty; eugene gene; florence flo florrie flossie; frances fran francie fanny
francis frank frankie; frederick fred freddie; gabriel gabe; geoffrey geoff jeff; george georgie
gerald gerry jerry; gerard gerry; gladys glad; graham gray; gregory greg; gwendoline gwen
harold harry hal; harriet hattie; helen nell nellie nel; henry harry hal hank; herbert bert herb
hilda hil; isabel isabella bella izzy belle; jacqueline jackie jacqui; james jim jimmy jamie
jane janie jenny; janet jan jenny; jean jeannie; jennifer jenny jen; jeremy jerry jez
jessica jess jessie; joan joanie; joanna joanne jo; john jack johnny jon; jonathan jon jonny
joseph joe joey; josephine jo josie; joyce joy; judith judy jude; kenneth ken kenny
laurence lawrence larry laurie; leonard len lenny leo; leslie les; lilian lily lil
linda lin lindy; louise lou; lucy lu; malcolm mal; marjorie marge madge
margaret peggy peg maggie meg madge marge margie greta daisy rita; maria marie mary
martha mattie; martin marty; mary molly polly may mamie; matilda tilly; matthew mat matt
maureen mo; maurice morris mo; michael mick mike mickey micky; mildred millie; mohammed muhammad
mohammed mohamed mohamad mohammad md mo; nancy ann nan; neville nev; nicholas nick nicky
nicola nicky nic; norman norm; oliver ollie; olive ollie; pamela pam
patricia pat patsy patty trish; patricia tricia paddy; patrick pat paddy pad
pauline paula polly; peter pete; philip phil pip; philomena phil mena; phyllis phyl; raymond ray
rebecca becky becca; reginald reg reggie; richard dick rick ricky richie dickie
robert bob bobby rob robbie bert; roger rog; ronald ron ronnie; rosemary rose rosie romy
roy royston; ruth ruthie; samuel samantha sam sammy; sarah sally sadie; sharon shaz; sheila she
sidney sid; siobhan shiv; stanley stan; stephen steven steve; stephanie steph
susan sue susie suzie susannah sukey; sylvia syl; terence terry tel
teresa theresa terry tess tessa; thomas tom tommy; timothy tim; valerie val
veronica ronnie vera nicky; victor vic; victoria vicky; victoria tori vic; vincent vince vin
violet vi; vivienne vivian viv; walter wally walt; wilfred wilf
william bill billy will willy liam; winifred win winnie freda; winston win; yvonne vonnie
"""
"""Groups by semicolon or line: a name, then what people of that name are called."""


@cache
def _groups() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, group in enumerate(_CALLED.replace("\n", ";").split(";")):
        for name in group.split():
            found.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def may_be_called(one: str, other: str) -> bool:
    """Whether one name is used for the other: a pet name, an initial, or its beginning.

    Both are plain: lower case, letters only.
    """
    short, long = sorted((one, other), key=len)
    if not short:
        return False
    if len(short) != 2 and long.startswith(short):
        return True
    groups = _groups()
    return bool(groups.get(one, frozenset()) & groups.get(other, frozenset()))
